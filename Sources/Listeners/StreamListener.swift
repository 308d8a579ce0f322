// A listening TCP socket on the event loop. The socket is the supervisor's: it outlives us, and with it the
// connections that wait for `accept`.

import Addresses
package import Kernel
package import NIOCore
import NIOPosix
package import Resolution

/// Accepts connections on one inherited socket.
package final class StreamListener: Sendable {
    private let channel: any Channel
    private let sessions: NIOLoopBoundBox<Sessions>

    private struct Sessions {
        var table: ZoneTable
        var open: [ObjectIdentifier: any Channel] = [:]
    }

    private init(channel: any Channel, sessions: NIOLoopBoundBox<Sessions>) {
        self.channel = channel
        self.sessions = sessions
    }

    /// Starts to accept on a duplicate of `socket`; call on the event loop of `desk`.
    package static func start(
        on socket: SharedDescriptor,
        table: ZoneTable,
        desk: StreamDesk,
        eventLoop: any EventLoop
    ) throws -> EventLoopFuture<StreamListener> {
        let sessions = NIOLoopBoundBox(Sessions(table: table), eventLoop: eventLoop)
        let desk = NIOLoopBound(desk, eventLoop: eventLoop)
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
            .map { StreamListener(channel: $0, sessions: sessions) }
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
        try child.pipeline.syncOperations.addHandler(
            StreamSession(desk: desk, client: remote) { sessions.value.table }
        )
    }

    /// Connections are served by `table` from their next query on, open ones as well. Call on the event loop.
    package func adopt(_ table: ZoneTable) { sessions.value.table = table }

    /// Stops to accept; open connections live on. Call on the event loop.
    package func close() { channel.close(promise: nil) }

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
