// Somebody else's DNS server.

import Addresses
import Glibc
import Kernel

/// Holds a UDP port without sharing it.
final class PortHolder {
    private let socket: OwnedDescriptor

    init(_ endpoint: Endpoint) throws {
        socket = OwnedDescriptor(owning: Glibc.socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0))
        let raw = socket.raw
        try checked("bind \(endpoint)") { SocketAddress.with(endpoint) { bind(raw, $0, $1) } }
    }

    /// Says that it is still needed.
    func keep() {}
}
