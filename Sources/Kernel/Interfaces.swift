// Which addresses the node's interfaces have, for `bind eth0`.

package import Addresses
import Glibc

package enum Interfaces {
    /// The addresses of an interface in the kernel's order; nil when there is no such interface.
    package static func addresses(of name: String) -> [IPAddress]? {
        guard unsafe if_nametoindex(name) != 0 else { return nil }
        var list: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&list) == 0 else { return [] }
        defer { unsafe freeifaddrs(list) }
        var addresses: [IPAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            unsafe next = entry.pointee.ifa_next
            guard unsafe String(cString: entry.pointee.ifa_name) == name,
                let address = unsafe entry.pointee.ifa_addr
            else { continue }
            // SAFETY: the C library gives an address as much room as its family has.
            let size =
                unsafe CInt(address.pointee.sa_family) == AF_INET6
                ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr>.size
            let bytes = unsafe UnsafeRawBufferPointer(start: address, count: size)
            if let endpoint = unsafe SocketAddress.endpoint(in: bytes) { addresses.append(endpoint.address) }
        }
        return addresses
    }

    /// Whether the kernel speaks IPv6 at all.
    package static var hasIPv6: Bool { Files.exists("/proc/sys/net/ipv6") }
}
