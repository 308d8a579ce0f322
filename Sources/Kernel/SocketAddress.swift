// Endpoints to and from the kernel's socket addresses.

package import Addresses
package import Glibc

package enum SocketAddress {
    /// Reads a sockaddr_in or sockaddr_in6; nil for other families.
    package static func endpoint(in bytes: UnsafeRawBufferPointer) -> Endpoint? {
        guard bytes.count >= 16 else { return nil }
        let family = unsafe bytes.loadUnaligned(as: sa_family_t.self)
        let port = unsafe UInt16(bytes[2]) << 8 | UInt16(bytes[3])
        switch CInt(family) {
        case AF_INET:
            return IPAddress(bytes: unsafe Array(bytes[4..<8])).map { Endpoint($0, port: port) }
        case AF_INET6 where bytes.count >= 24:
            return IPAddress(bytes: unsafe Array(bytes[8..<24])).map { Endpoint($0, port: port) }
        default:
            return nil
        }
    }

    /// Lends `endpoint` as the kernel wants it.
    package static func with<Result>(
        _ endpoint: Endpoint,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        let isV4 = endpoint.address.family == .v4
        var bytes = [UInt8](
            repeating: 0,
            count: isV4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
        )
        let family = sa_family_t(isV4 ? AF_INET : AF_INET6)
        bytes[0] = UInt8(truncatingIfNeeded: family)
        bytes[1] = UInt8(truncatingIfNeeded: family >> 8)
        bytes[2] = UInt8(truncatingIfNeeded: endpoint.port >> 8)
        bytes[3] = UInt8(truncatingIfNeeded: endpoint.port)
        let start = isV4 ? 4 : 8
        for (offset, byte) in endpoint.address.bytes.enumerated() { bytes[start + offset] = byte }
        // SAFETY: the array has the size of the structure and outlives the call; sockaddr is its common head.
        return unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("the array is not empty") }
            return unsafe body(base.assumingMemoryBound(to: sockaddr.self), socklen_t(buffer.count))
        }
    }
}
