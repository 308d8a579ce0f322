// Paths of Unix sockets as the kernel wants them.

import Glibc

/// The address of a Unix socket.
struct LocalAddress {
    private var address = sockaddr_un()
    private let size: socklen_t

    /// A leading `@` stands for the zero octet of an abstract name (unix(7)). ENAMETOOLONG where it does not fit.
    init(_ path: String) throws(SystemError) {
        address.sun_family = sa_family_t(AF_UNIX)
        var octets = Array(path.utf8)
        let isAbstract = octets.first == UInt8(ascii: "@")
        if isAbstract { octets[0] = 0 }
        // A path ends with a zero octet, an abstract name with its length.
        guard octets.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw SystemError("socket \(path)", errno: ENAMETOOLONG)
        }
        let head = MemoryLayout<sockaddr_un>.size - MemoryLayout.size(ofValue: address.sun_path)
        size = socklen_t(head + octets.count + (isAbstract ? 0 : 1))
        // SAFETY: the octets fit, as was just checked, and what is behind them is zero.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: octets) }
    }

    /// Lends it to a system call.
    func with(_ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        // SAFETY: sockaddr is the common head of all addresses.
        unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, size) }
        }
    }
}
