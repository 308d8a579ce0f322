// A small HTTP server for /metrics and /health. A busy port costs the port, never the process: opening it
// is tried again until it succeeds or the server is stopped. One connection's life is `ProbeConnection`'s,
// what is served is `ProbeRoutes`'.

package import Addresses
package import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
package import Telemetry

/// Serves routes on one address.
package final class ProbeServer: Sendable {
    /// What the owner may want to log; told once per change.
    package enum Change: Hashable, Sendable {
        /// The port is open; with port 0, this is the real one.
        case bound(Endpoint)
        /// The port could not be opened, and will be tried again.
        case failed(errno: CInt)
    }

    /// Where the server is in its life; changed on `loop`, read by anybody.
    private struct Life: Sendable {
        var listener: (any Channel)?
        var boundEndpoint: Endpoint?
        var retry: Scheduled<Void>?
        var lastError: CInt?
        var isStopped = false
        var connections: [ObjectIdentifier: any Channel] = [:]
    }

    private let endpoint: Endpoint
    private let routes: ProbeRoutes
    private let limits: ProbeLimits
    private let loop: any EventLoop
    private let onChange: @Sendable (Change) -> Void
    private let life = Mutex(Life())
    private let bindFailures = SharedCounter()

    /// A server that does nothing yet; `onChange` is called on an event loop of `group`.
    package init(
        at endpoint: Endpoint,
        routes: ProbeRoutes,
        group: any EventLoopGroup,
        limits: ProbeLimits = ProbeLimits(),
        onChange: @escaping @Sendable (Change) -> Void = { _ in }
    ) {
        self.endpoint = endpoint
        self.routes = routes
        self.limits = limits
        self.loop = group.next()
        self.onChange = onChange
    }

    /// The address in use with its real port; nil while the port is not open.
    package var boundEndpoint: Endpoint? { life.withLock { $0.boundEndpoint } }

    /// Opens the port, now or as soon as it is free; returns at once.
    package func start() {
        loop.execute { self.open() }
    }

    /// Closes the port, lets responses that are being written finish, and closes all connections.
    package func stop() async {
        let (listener, connections) = life.withLock { life in
            life.isStopped = true
            life.retry?.cancel()
            life.boundEndpoint = nil
            defer { life.listener = nil }
            return (life.listener, Array(life.connections.values))
        }
        // An error here says that the channel is closed already.
        try? await listener?.close()
        for connection in connections {
            connection.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
        for connection in connections {
            try? await connection.closeFuture.get()
        }
    }
}

// MARK: - Opening

extension ProbeServer {
    private func open() {
        guard !life.withLock({ $0.isStopped }) else { return }
        bind(to: endpoint).whenComplete { result in
            switch result {
            case .success(let listener): self.opened(listener)
            case .failure(let error): self.failed((error as? IOError)?.errnoCode ?? EIO)
            }
        }
    }

    private func bind(to endpoint: Endpoint) -> EventLoopFuture<any Channel> {
        do {
            let bound = bootstrap(for: endpoint.address.family).bind(to: try SocketAddress(endpoint))
            guard endpoint.address == .unspecified(.v6) else { return bound }
            // `::` means both families; a kernel without IPv6 (ipv6.disable=1) still has the other one.
            return bound.flatMapError { error in
                guard (error as? IOError)?.errnoCode == EAFNOSUPPORT else {
                    return self.loop.makeFailedFuture(error)
                }
                return self.bind(to: Endpoint(.unspecified(.v4), port: endpoint.port))
            }
        } catch {
            return loop.makeFailedFuture(error)
        }
    }

    private func opened(_ listener: any Channel) {
        let bound = listener.localAddress.flatMap { Endpoint($0) } ?? endpoint
        let isWanted = life.withLock { life in
            guard !life.isStopped else { return false }
            life.listener = listener
            life.boundEndpoint = bound
            life.lastError = nil
            return true
        }
        guard isWanted else { return listener.close(promise: nil) }
        listener.closeFuture.whenComplete { _ in self.lost() }
        onChange(.bound(bound))
    }

    /// The listener closed; unless we did it, it is opened again.
    private func lost() {
        guard !life.withLock({ $0.isStopped }) else { return }
        failed(ECONNABORTED)
    }

    private func failed(_ errno: CInt) {
        bindFailures.add()
        let isNews = life.withLock { life in
            guard !life.isStopped else { return false }
            life.listener = nil
            life.boundEndpoint = nil
            life.retry = loop.scheduleTask(in: limits.retryInterval) { self.open() }
            defer { life.lastError = errno }
            return life.lastError != errno
        }
        if isNews { onChange(.failed(errno: errno)) }
    }

    private func bootstrap(for family: IPAddress.Family) -> ServerBootstrap {
        // A pod that replaces another shares the port with it for a moment (SO_REUSEPORT), and the address
        // may come onto the machine after us (IP_FREEBIND; IPv6 has its own number, Linux 4.15).
        let freeBind: ChannelOptions.Types.SocketOption =
            family == .v4
            ? .init(level: .ip, name: .init(rawValue: IP_FREEBIND))
            : .init(level: .ipv6, name: .init(rawValue: IPV6_FREEBIND))
        return ServerBootstrap(group: loop)
            .serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.socketOption(.init(rawValue: SO_REUSEPORT)), value: 1)
            .serverChannelOption(freeBind, value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                }
            }
            // Small reads: what one read brings is parsed at once, so it bounds what a client can pile up.
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 4_096))
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { self.accept($0) }
    }
}

// MARK: - Connections

extension ProbeServer {
    private func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
        let name = ObjectIdentifier(channel)
        let isWelcome = life.withLock { life in
            guard !life.isStopped, life.connections.count < limits.connections else { return false }
            life.connections[name] = channel
            return true
        }
        guard isWelcome else { return channel.close() }
        channel.closeFuture.whenComplete { _ in
            self.life.withLock { _ = $0.connections.removeValue(forKey: name) }
        }
        return channel.eventLoop.makeCompletedFuture {
            var parser = NIOHTTPDecoderLimitConfiguration()
            parser.maxHeaderFieldSize = limits.headerBytes
            parser.maxHeaderListSize = limits.headerBytes
            try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                withEncoderConfiguration: .init(),
                withDecoderLimitConfiguration: parser
            )
            let connection = ProbeConnection(routes: routes, limits: limits)
            try channel.pipeline.syncOperations.addHandler(connection)
        }
    }
}

extension ProbeServer: MetricSource {
    package func collect(into snapshot: inout MetricSnapshot) {
        snapshot.add(.probeBindFailures, bindFailures.value)
    }
}

// MARK: - Helpers

extension SocketAddress {
    init(_ endpoint: Endpoint) throws {
        let bytes = ByteBuffer(bytes: endpoint.address.bytes)
        try self.init(packedIPAddress: bytes, port: Int(endpoint.port))
    }
}

extension Endpoint {
    /// The endpoint of a socket; nil for a socket of another family.
    fileprivate init?(_ address: SocketAddress) {
        guard let text = address.ipAddress, let ip = IPAddress(text), let port = address.port else {
            return nil
        }
        self.init(ip, port: UInt16(truncatingIfNeeded: port))
    }
}
