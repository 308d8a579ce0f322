// The connection to one observer, on its event loop: opened again whenever it ends, with pauses that grow.

import Addresses
import Kernel
import NIOCore
import NIOPosix
import Telemetry

/// Connects, greets, and sends what the queue holds.
final class TapConnection {
    private let settings: DnstapSettings
    private let queue: TapQueue
    private let counters: TapCounters
    private let eventLoop: any EventLoop
    private let tell: @Sendable (TapNews) -> Void
    private var pause: Int64
    private var channel: (any Channel)?
    private var isStreaming = false
    private var isClosing = false
    /// A failure was told, and nothing better since.
    private var isKnownLost = false
    private var onClosed: EventLoopPromise<Void>?

    init(
        to settings: DnstapSettings,
        queue: TapQueue,
        counters: TapCounters,
        eventLoop: any EventLoop,
        tell: @escaping @Sendable (TapNews) -> Void
    ) {
        self.settings = settings
        self.queue = queue
        self.counters = counters
        self.eventLoop = eventLoop
        self.tell = tell
        pause = settings.limits.shortestPauseMilliseconds
    }

    // MARK: Opening

    func connect() {
        guard !isClosing else { return }
        let limits = settings.limits
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(.milliseconds(limits.patienceMilliseconds))
            .channelOption(
                .writeBufferWaterMark,
                value: .init(low: limits.writeBuffer / 2, high: limits.writeBuffer)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(TapHandler(bound.value, limits))
                }
            }
        let opening: EventLoopFuture<any Channel>
        do {
            switch settings.target {
            case .unix(let path): opening = bootstrap.connect(unixDomainSocketPath: path)
            case .tcp(let endpoint):
                opening = bootstrap.connect(
                    to: try SocketAddress(
                        ipAddress: endpoint.address.description,
                        port: Int(endpoint.port)
                    )
                )
            }
        } catch {
            return lost("\(error)")
        }
        opening.whenComplete { result in
            switch result {
            case .success(let channel):
                channel.closeFuture.whenComplete { _ in bound.value.ended() }
            case .failure(let error): bound.value.lost(Self.words(for: error))
            }
        }
    }

    /// The observer has said that it takes our copies.
    func streams(on channel: any Channel) {
        // Nobody wants it any more since it began to connect.
        guard !isClosing else { return channel.close(promise: nil) }
        self.channel = channel
        isStreaming = true
        isKnownLost = false
        pause = settings.limits.shortestPauseMilliseconds
        counters.isConnected.set(1)
        tell(.connected(settings.target))
        flush()
    }

    /// Of a connection that fails: the reason that its end does not tell.
    func complain(_ reason: String) { tellLost(reason) }

    private func ended() { lost("connection closed") }

    private func lost(_ reason: String) {
        channel = nil
        isStreaming = false
        counters.isConnected.set(0)
        guard !isClosing else {
            onClosed?.succeed()
            onClosed = nil
            return
        }
        tellLost(reason)
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: .milliseconds(pause)) { bound.value.connect() }
        pause = min(2 * pause, settings.limits.longestPauseMilliseconds)
    }

    private func tellLost(_ reason: String) {
        guard !isKnownLost else { return }
        isKnownLost = true
        tell(.lost(settings.target, reason))
    }

    private static func words(for error: any Error) -> String {
        switch error {
        case let error as IOError: SystemError.text(of: error.errnoCode)
        case ChannelError.connectTimeout: "no answer"
        default: "\(error)"
        }
    }

    // MARK: Sending

    func flushSoon() {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: .milliseconds(settings.limits.flushMilliseconds)) { bound.value.flush() }
    }

    /// Sends what waits, as far as the observer takes it. What is left is sent when it takes more.
    func flush() {
        while isStreaming, let channel, channel.isWritable {
            let frames = queue.take(settings.limits.writeBuffer / 4)
            guard !frames.isEmpty else { return }
            var buffer = channel.allocator.buffer(capacity: frames.reduce(0) { $0 + $1.count })
            for frame in frames { buffer.writeBytes(frame) }
            let counters = self.counters
            let count = UInt64(frames.count)
            channel.writeAndFlush(buffer).whenComplete { result in
                switch result {
                case .success: counters.sent.add(count)
                case .failure: counters.dropped.add(count)
                }
            }
        }
    }

    // MARK: Ending

    /// Sends what waits and ends the stream; done when the observer has everything, or its time is over.
    func close() -> EventLoopFuture<Void> {
        isClosing = true
        let promise = eventLoop.makePromise(of: Void.self)
        guard let channel, isStreaming else {
            promise.succeed()
            return promise.futureResult
        }
        flush()
        onClosed = promise
        channel.pipeline.fireUserInboundEventTriggered(TapHandler.Farewell())
        eventLoop.scheduleTask(in: .milliseconds(settings.limits.farewellMilliseconds)) {
            channel.close(promise: nil)
        }
        return promise.futureResult
    }
}

/// Speaks Frame Streams on a connection.
final class TapHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// Says that nothing follows.
    struct Farewell: Sendable {}

    private let connection: TapConnection
    private let limits: DnstapLimits
    private var stream = FrameStream()

    init(_ connection: TapConnection, _ limits: DnstapLimits) {
        self.connection = connection
        self.limits = limits
    }

    func channelActive(context: ChannelHandlerContext) {
        send(stream.greeting, context)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: .milliseconds(limits.patienceMilliseconds)) {
            guard bound.value.stream.state == .awaitingAccept, channel.isActive else { return }
            bound.value.connection.complain("it does not answer the handshake")
            channel.close(promise: nil)
        }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do throws(FrameStream.Flaw) {
            let wasStreaming = stream.state == .streaming
            send(try stream.receive(unwrapInboundIn(data).readableBytesView), context)
            if !wasStreaming, stream.state == .streaming { connection.streams(on: context.channel) }
            if stream.state == .finished { context.close(promise: nil) }
        } catch {
            connection.complain(error.description)
            context.close(promise: nil)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { connection.flush() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is Farewell { send(stream.stop(), context) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func send(_ octets: [UInt8], _ context: ChannelHandlerContext) {
        guard !octets.isEmpty else { return }
        context.writeAndFlush(NIOAny(context.channel.allocator.buffer(bytes: octets)), promise: nil)
    }
}
