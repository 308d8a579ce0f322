// A TCP connection on SwiftNIO, in TLS where the server wants it. Questions of one turn of the loop are gathered in
// one buffer and leave with one write; answers are cut out of the read buffer where they lie. No promise and no
// future per question.

import Addresses
import DNSWire
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// A TCP link, and at the same time the only handler of its channel besides TLS.
final class StreamLink: Link, ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let eventLoop: any EventLoop
    /// Nil once the link has ended.
    private var receiver: (any LinkReceiver)?
    /// Nil before the channel is active and after it has ended.
    private var context: ChannelHandlerContext?
    private var channel: (any Channel)?
    private var frames = StreamFrames()
    private var outgoing = ByteBuffer()
    private var willFlush = false
    /// The end of the time for the handshake; nil without TLS and after it.
    private var handshakeEnd: Scheduled<Void>?

    /// Room for a few dozen ordinary answers; NIO reuses the buffer from read to read.
    private static let readSize = 16_384

    init(
        to remote: Endpoint,
        in peer: TLSPeer? = nil,
        within patience: TimeAmount,
        on loop: any EventLoop,
        for receiver: any LinkReceiver
    ) {
        eventLoop = loop
        self.receiver = receiver
        let handler = NIOLoopBound(self, eventLoop: loop)
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(patience)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.readSize))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let peer { try channel.pipeline.syncOperations.addHandlers(peer.handlers) }
                    try channel.pipeline.syncOperations.addHandler(handler.value)
                }
            }
        do {
            bootstrap.connect(to: try SocketAddress(remote)).assumeIsolated().whenComplete { result in
                if case .failure(let error) = result { self.failLater(error, on: loop) }
            }
        } catch {
            failLater(error, on: loop)
        }
        guard peer != nil else { return }
        handshakeEnd = loop.assumeIsolated().scheduleTask(in: patience) {
            guard self.receiver != nil else { return }
            let channel = self.channel
            self.end(LinkFailure(.handshake, .timedOut))
            channel?.close(promise: nil)
        }
    }

    /// What the kernel refuses at once is told when whoever opens this link has it in hand.
    private func failLater(_ error: any Error, on loop: any EventLoop) {
        loop.assumeIsolated().execute { self.end(LinkFailure(.dial, error)) }
    }

    // MARK: Link

    var local: Endpoint? { channel?.localAddress.flatMap { Endpoint($0) } }

    func send(_ message: [UInt8], id: UInt16) {
        guard receiver != nil else { return }
        outgoing.writeInteger(UInt16(clamping: message.count))
        outgoing.writeInteger(id)
        outgoing.writeBytes(message[2...])
        guard context != nil, !willFlush else { return }
        willFlush = true
        eventLoop.assumeIsolated().execute { self.flush() }
    }

    func close() {
        receiver = nil
        handshakeEnd?.cancel()
        channel?.close(promise: nil)
        channel = nil
    }

    private func flush() {
        willFlush = false
        guard let context, outgoing.readableBytes > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(outgoing), promise: nil)
        // The storage is ours again if the kernel took everything at once; otherwise this makes a new one.
        outgoing.clear()
    }

    // MARK: ChannelInboundHandler

    func channelActive(context: ChannelHandlerContext) {
        guard receiver != nil else { return context.close(promise: nil) }
        channel = context.channel
        if handshakeEnd == nil { opened(context) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted? = event as? TLSUserEvent, receiver != nil else { return }
        handshakeEnd?.cancel()
        handshakeEnd = nil
        opened(context)
    }

    private func opened(_ context: ChannelHandlerContext) {
        self.context = context
        receiver?.linkOpened()
        flush()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let input = unwrapInboundIn(data)
        frames.read(input.readableBytesUInt8Span) { message in receiver?.linkReceived(message) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(LinkFailure(isInHandshake ? .handshake : .read, tls: error))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(LinkFailure(isInHandshake ? .handshake : .read, .endOfFile))
        self.context = nil
    }

    private var isInHandshake: Bool { handshakeEnd != nil }

    private func end(_ failure: LinkFailure) {
        guard let receiver else { return }
        self.receiver = nil
        handshakeEnd?.cancel()
        receiver.linkFailed(failure)
        channel = nil
    }
}
