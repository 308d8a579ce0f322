import Addresses
import NIOCore
import NIOPosix

/// Speaks bytes to a server, so that tests see exactly what is on the wire.
enum RawClient {
    /// Connects, sends `text`, and returns what comes until the server closes.
    static func exchange(_ text: String, with server: Endpoint) async throws -> String {
        let connection = try await connect(to: server)
        try await connection.send(text)
        return try await connection.everything()
    }

    static func connect(to server: Endpoint) async throws -> Connection {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let received = loop.makePromise(of: String.self)
        let channel = try await ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(received))
                }
            }
            .connect(host: server.address.description, port: Int(server.port))
            .get()
        return Connection(channel: channel, received: received.futureResult)
    }

    struct Connection {
        let channel: any Channel
        let received: EventLoopFuture<String>

        func send(_ text: String) async throws {
            try await channel.writeAndFlush(ByteBuffer(string: text))
        }

        /// All that came, when the server has closed.
        func everything() async throws -> String { try await received.get() }

        func close() async throws { try await channel.close() }
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let promise: EventLoopPromise<String>
        private var bytes = ByteBuffer()

        init(_ promise: EventLoopPromise<String>) { self.promise = promise }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var more = unwrapInboundIn(data)
            bytes.writeBuffer(&more)
        }

        /// A reset is an end like another one.
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            promise.succeed(String(buffer: bytes))
        }
    }
}
