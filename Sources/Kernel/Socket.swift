// Opens the sockets that we listen on, with the options that restarts and upgrades need.

package import Addresses
import Glibc

package enum Socket {
    /// A queue for a worker's restart: the default of 208 KiB holds fewer than 300 queries.
    package static let receiveBufferSize: CInt = 4 << 20
    /// Connections that may wait for `accept` while a worker restarts.
    package static let listenBacklog: CInt = 1024

    /// A UDP socket to be bound to `endpoint`. Close-on-exec; blocking, because its thread waits in the receive
    /// call, even before the socket is bound.
    package static func datagram(for endpoint: Endpoint) throws(SystemError) -> OwnedDescriptor {
        let socket = try open(SOCK_DGRAM, endpoint, "udp")
        // SO_RCVBUFFORCE passes net.core.rmem_max and needs NET_ADMIN; without it the kernel's bound holds.
        if !set(socket.raw, SOL_SOCKET, SO_RCVBUFFORCE, receiveBufferSize) {
            _ = set(socket.raw, SOL_SOCKET, SO_RCVBUF, receiveBufferSize)
        }
        // Nobody's ICMP message shall have the kernel cut answers into fragments, which can be forged (since Linux
        // 3.15). Nor need it look for a path's size: answers are short enough for all (DNS flag day 2020).
        _ =
            endpoint.address.family == .v4
            ? set(socket.raw, CInt(IPPROTO_IP), IP_MTU_DISCOVER, IP_PMTUDISC_OMIT)
            : set(socket.raw, CInt(IPPROTO_IPV6), IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT)
        if endpoint.address.isUnspecified {
            // On a wildcard socket the answer must leave from the address that was asked (RFC 2181, 4.1).
            let isV4 = endpoint.address.family == .v4
            _ = set(
                socket.raw,
                isV4 ? CInt(IPPROTO_IP) : CInt(IPPROTO_IPV6),
                isV4 ? IP_PKTINFO : IPV6_RECVPKTINFO,
                1
            )
        }
        return socket
    }

    /// Binds a UDP socket: from now on it is dealt its share of what is sent to `endpoint`.
    package static func bind(datagram socket: CInt, to endpoint: Endpoint) throws(SystemError) {
        try bind(socket, endpoint, "udp")
    }

    /// A UDP socket that is bound.
    package static func datagram(listeningOn endpoint: Endpoint) throws(SystemError) -> OwnedDescriptor {
        let socket = try datagram(for: endpoint)
        try bind(socket.raw, endpoint, "udp")
        return socket
    }

    /// A bound TCP socket that does not listen yet. Non-blocking, close-on-exec.
    package static func stream(boundTo endpoint: Endpoint) throws(SystemError) -> OwnedDescriptor {
        let socket = try open(SOCK_STREAM, endpoint, "tcp")
        _ = set(socket.raw, SOL_SOCKET, SO_REUSEADDR, 1)
        try bind(socket.raw, endpoint, "tcp")
        return socket
    }

    /// Has a TCP socket listen: from now on it is dealt its share of connections. May be repeated.
    package static func listen(stream socket: CInt) throws(SystemError) {
        let place = localEndpoint(of: socket).map { " \($0)" } ?? ""
        try checked("listen tcp\(place)") { Glibc.listen(socket, listenBacklog) }
    }

    /// A UDP socket that nobody else may bind to the same place; port 0: a free one. Non-blocking, close-on-exec.
    package static func alone(at endpoint: Endpoint) throws(SystemError) -> OwnedDescriptor {
        let socket = try open(SOCK_DGRAM, endpoint, "udp", isShared: false)
        let flags = try checked("fcntl F_GETFL") { fcntl(socket.raw, F_GETFL) }
        try checked("fcntl F_SETFL") { fcntl(socket.raw, F_SETFL, flags | O_NONBLOCK) }
        try bind(socket.raw, endpoint, "udp")
        return socket
    }

    /// Throws away what has come on a non-blocking UDP socket, and sends one datagram; errors are the network's matter.
    package static func exchange(_ bytes: [UInt8], with target: Endpoint, on socket: CInt) {
        var octet: UInt8 = 0
        // SAFETY: both calls touch as many bytes as they are told, of values that outlive them.
        while unsafe recv(socket, &octet, 1, CInt(MSG_TRUNC)) >= 0 {}
        _ = unsafe SocketAddress.with(target) { address, size in
            unsafe sendto(socket, bytes, bytes.count, CInt(MSG_NOSIGNAL), address, size)
        }
    }

    /// Whether a datagram waits in a UDP socket.
    package static func hasWaiting(datagram socket: CInt) -> Bool {
        var look = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        // SAFETY: the call writes to the one entry that it is told of.
        return unsafe poll(&look, 1, 0) == 1 && look.revents & Int16(POLLIN) != 0
    }

    /// The address a socket is bound to.
    package static func localEndpoint(of socket: CInt) -> Endpoint? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // SAFETY: sockaddr_storage is as large and as aligned as any socket address.
        let result = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(socket, $0, &size)
            }
        }
        guard result == 0 else { return nil }
        return unsafe withUnsafeBytes(of: storage) { unsafe SocketAddress.endpoint(in: $0) }
    }

    private static func open(
        _ type: __socket_type,
        _ endpoint: Endpoint,
        _ name: String,
        isShared: Bool = true
    ) throws(SystemError) -> OwnedDescriptor {
        let family = endpoint.address.family == .v4 ? AF_INET : AF_INET6
        let blocking = type == SOCK_DGRAM ? 0 : SOCK_NONBLOCK.rawValue
        let flags = CInt(type.rawValue | SOCK_CLOEXEC.rawValue | blocking)
        let raw = try checked("socket \(name) \(endpoint)") { Glibc.socket(family, flags, 0) }
        let socket = OwnedDescriptor(owning: raw)
        // Several sockets on one port: one per packet thread, and those of the next instance in an upgrade.
        if isShared { _ = set(raw, SOL_SOCKET, SO_REUSEPORT, 1) }
        if family == AF_INET {
            // The address need not exist yet: we listen before the link attracts traffic.
            _ = set(raw, CInt(IPPROTO_IP), IP_FREEBIND, 1)
        } else {
            _ = set(raw, CInt(IPPROTO_IPV6), IPV6_FREEBIND, 1)
            _ = set(raw, CInt(IPPROTO_IPV6), IPV6_V6ONLY, 1)
        }
        return socket
    }

    private static func bind(_ socket: CInt, _ endpoint: Endpoint, _ name: String) throws(SystemError) {
        try checked("listen \(name) \(endpoint)") {
            unsafe SocketAddress.with(endpoint) { unsafe Glibc.bind(socket, $0, $1) }
        }
    }

    private static func set(_ socket: CInt, _ level: CInt, _ option: CInt, _ value: CInt) -> Bool {
        var value = value
        return unsafe setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<CInt>.size)) == 0
    }
}
