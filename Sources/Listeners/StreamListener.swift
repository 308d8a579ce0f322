// A listening TCP socket on the event loop. The socket is the supervisor's: it outlives our death, and with it the
// connections that wait for `accept`. When we leave in order nobody waits there any more.

import Addresses
package import Kernel
package import NIOCore
import NIOPosix
package import Resolution

/// Accepts connections on one inherited socket.
package final class StreamListener: Sendable {
    private let socket: SharedDescriptor
    private let channel: any Channel
    private let sessions: NIOLoopBoundBox<Sessions>

    private struct Sessions {
        var table: ZoneTable
        /// Nil for plain DNS.
        var credentials: StreamCredentials?
        var open: [ObjectIdentifier: any Channel] = [:]
    }

    private init(_ socket: SharedDescriptor, _ channel: any Channel, _ sessions: NIOLoopBoundBox<Sessions>) {
        self.socket = socket
        self.channel = channel
        self.sessions = sessions
    }

    /// Has `socket` listen, and starts to accept on a duplicate of it; call on the event loop of `desk`.
    package static func start(
        on socket: SharedDescriptor,
        table: ZoneTable,
        credentials: StreamCredentials? = nil,
        desk: StreamDesk,
        eventLoop: any EventLoop
    ) throws -> EventLoopFuture<StreamListener> {
        let sessions = NIOLoopBoundBox(
            Sessions(table: table, credentials: credentials),
            eventLoop: eventLoop
        )
        let desk = NIOLoopBound(desk, eventLoop: eventLoop)
        try Socket.listen(stream: socket.raw)
        let descriptor = try socket.duplicate().release()
        return ServerBootstrap(group: eventLoop)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // Answers may be 64 KiB each; a client that does not read has this much waiting for it.
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 64 << 10, high: 256 << 10))
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try open(child, sessions, desk.value)
                }
            }
            .withBoundSocket(descriptor)
            .map { StreamListener(socket, $0, sessions) }
    }

    private static func open(
        _ child: any Channel,
        _ sessions: NIOLoopBoundBox<Sessions>,
        _ desk: StreamDesk
    ) throws {
        guard let remote = child.remoteAddress?.endpoint, desk.admit(remote.address) else {
            throw ChannelError.ioOnClosedChannel
        }
        let id = ObjectIdentifier(child)
        sessions.value.open[id] = child
        let bound = NIOLoopBound(desk, eventLoop: child.eventLoop)
        child.closeFuture.whenComplete { _ in
            bound.value.forget(remote.address)
            sessions.value.open[id] = nil
        }
        if let credentials = sessions.value.credentials {
            try child.pipeline.syncOperations.addHandler(credentials.handler)
        }
        try child.pipeline.syncOperations.addHandler(
            StreamSession(desk: desk, client: remote) { sessions.value.table }
        )
    }

    /// Connections are served by `table` from their next query on, open ones as well; new ones get `credentials`.
    /// Call on the event loop.
    package func adopt(_ table: ZoneTable, _ credentials: StreamCredentials?) {
        sessions.value.table = table
        sessions.value.credentials = credentials
    }

    /// Stops to accept; open connections live on. Call on the event loop.
    package func close() { channel.close(promise: nil) }

    /// The first step of the end: new connections go to another agent's socket, if there is one.
    package func leaveNewcomersToTheNext() { SocketGroup.leaveNewcomersToTheNext(stream: socket.raw) }

    /// The last step: closes the socket for both processes, unless a connection still waits to be accepted;
    /// whether it is closed. Call on the event loop.
    package func closeIfNobodyWaits() -> Bool {
        guard !SocketGroup.hasNewcomer(stream: socket.raw) else { return false }
        SocketGroup.leave(stream: socket.raw)
        close()
        return true
    }

    /// How many connections are open; call on the event loop.
    package var openConnections: Int { sessions.value.open.count }

    /// Ends every open connection; call on the event loop.
    package func closeConnections() {
        for child in sessions.value.open.values { child.close(promise: nil) }
    }
}

extension NIOCore.SocketAddress {
    /// As our own value; nil for Unix sockets.
    var endpoint: Endpoint? {
        guard let port, let text = ipAddress, let address = IPAddress(text.prefix { $0 != "%" }) else {
            return nil
        }
        return Endpoint(address, port: UInt16(truncatingIfNeeded: port))
    }
}
