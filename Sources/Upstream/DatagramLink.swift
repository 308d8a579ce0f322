// A UDP socket for one question on SwiftNIO: the kernel gives it a random port, and `connect` makes it hear only
// the server that was asked.

import Addresses
import DNSWire
import NIOCore
import NIOPosix

/// A UDP link, and at the same time the only handler of its channel.
final class DatagramLink: Link, ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let remote: Endpoint
    /// Nil once the link has ended.
    private var receiver: (any LinkReceiver)?
    private var channel: (any Channel)?
    /// Messages that wait for the socket.
    private var waiting: [ByteBuffer] = []

    /// More than any answer to a question that allows 1232 octets, so that a cut one can be told.
    private static let readSize = 4_096

    init(to remote: Endpoint, on loop: any EventLoop, for receiver: any LinkReceiver) {
        self.remote = remote
        self.receiver = receiver
        let handler = NIOLoopBound(self, eventLoop: loop)
        let bootstrap = DatagramBootstrap(group: loop)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.readSize))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(handler.value)
                }
            }
        do {
            bootstrap.connect(to: try SocketAddress(remote)).assumeIsolated().whenComplete { result in
                switch result {
                case .success(let channel): self.connected(channel)
                case .failure(let error): self.failLater(error, on: loop)
                }
            }
        } catch {
            failLater(error, on: loop)
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
        var buffer = ByteBuffer()
        buffer.reserveCapacity(message.count)
        buffer.writeInteger(id)
        buffer.writeBytes(message[2...])
        waiting.append(buffer)
        flush()
    }

    func close() {
        receiver = nil
        channel?.close(promise: nil)
        channel = nil
    }

    private func connected(_ channel: any Channel) {
        guard receiver != nil else { return channel.close(promise: nil) }
        self.channel = channel
        receiver?.linkOpened()
        flush()
    }

    private func flush() {
        guard let channel, let address = channel.remoteAddress else { return }
        for buffer in waiting {
            channel.writeAndFlush(AddressedEnvelope(remoteAddress: address, data: buffer), promise: nil)
        }
        waiting = []
    }

    // MARK: ChannelInboundHandler

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let input = unwrapInboundIn(data).data
        receiver?.linkReceived(input.readableBytesUInt8Span)
    }

    /// A refused port shows here: the kernel remembers the ICMP message for the connected socket.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(LinkFailure(.read, error))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(LinkFailure(.read, .endOfFile))
    }

    private func end(_ failure: LinkFailure) {
        guard let receiver else { return }
        self.receiver = nil
        receiver.linkFailed(failure)
        channel = nil
    }
}
