// Asks the question of the `loop` plugin: HINFO for a name nobody knows, to our own first address, once after
// start and reload. Whether it comes back is noticed by `LoopDetector`.

import Addresses
import DNSWire
import Kernel
import NIOCore
import NIOPosix

/// Sends one block's probe until it is answered, once a second for at most thirty seconds, as CoreDNS does.
final class LoopProbe {
    private static let attempts = 30
    private static let interval = TimeAmount.seconds(1)

    private let name: DomainName
    private let target: Endpoint
    private let eventLoop: any EventLoop
    private var left = LoopProbe.attempts
    private var isOver = false

    init(_ name: DomainName, to target: Endpoint, on eventLoop: any EventLoop) {
        self.name = name
        self.target = target
        self.eventLoop = eventLoop
    }

    /// Starts; call on the event loop. The probe lives until it is answered or has given up.
    func start() {
        guard left > 0, !isOver, let remote = try? NIOCore.SocketAddress(target) else { return }
        left -= 1
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        DatagramBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AnswerCatcher { bound.value.isOver = true }
                    )
                }
            }
            .connect(to: remote)
            .whenSuccess { channel in
                let id = UInt16.random(in: .min ... .max)
                let message = QueryMessage.question(bound.value.name, .hinfo, id: id)
                let envelope = AddressedEnvelope(remoteAddress: remote, data: ByteBuffer(bytes: message))
                channel.writeAndFlush(envelope, promise: nil)
                channel.eventLoop.scheduleTask(in: Self.interval) {
                    channel.close(promise: nil)
                    bound.value.start()
                }
            }
    }

    private final class AnswerCatcher: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        private let onAnswer: () -> Void

        init(_ onAnswer: @escaping () -> Void) { self.onAnswer = onAnswer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { onAnswer() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {}
    }
}

extension NIOCore.SocketAddress {
    init(_ endpoint: Endpoint) throws {
        try self.init(ipAddress: endpoint.address.description, port: Int(endpoint.port))
    }
}
