// A DNS server on loopback that misbehaves as told: for the tests of the real sockets. What it does with a
// question is chosen by the question's first label.

import Addresses
import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import Resolution
import Synchronization
import TestSupport

/// A server for UDP and TCP on one port of 127.0.0.1.
final class ScriptedServer: Sendable {
    let endpoint: Endpoint
    private let datagrams: any Channel
    private let streams: any Channel

    /// What the server has seen.
    struct State {
        var connections = 0
        var questions: [String] = []
        var sources: Set<Int> = []
        var held: [@Sendable () -> Void] = []
        var accepted: [any Channel] = []
        var watchers: [(label: String, promise: EventLoopPromise<Void>)] = []

        mutating func note(_ label: String) {
            questions.append(label)
            for watcher in watchers where watcher.label == label { watcher.promise.succeed() }
            watchers.removeAll { $0.label == label }
        }
    }

    /// With `tls` connections are encrypted; datagrams are not.
    static func start(
        on group: any EventLoopGroup,
        tls: NIOSSLContext? = nil
    ) async throws -> ScriptedServer {
        let state = Box()
        // A port that is free for datagrams may be taken for streams, by a connection that is closing for example.
        for _ in 0..<20 {
            let datagrams = try await bindDatagrams(on: group, state)
            let port = datagrams.localAddress?.port ?? 0
            do {
                let streams = try await bindStreams(on: group, port: port, tls: tls, state)
                return ScriptedServer(port: port, datagrams, streams, state)
            } catch let error as IOError where error.errnoCode == EADDRINUSE {
                try await datagrams.close()
            }
        }
        throw IOError(errnoCode: EADDRINUSE, reason: "no port is free for both datagrams and streams")
    }

    private static func bindDatagrams(on group: any EventLoopGroup, _ state: Box) async throws -> any Channel
    {
        try await DatagramBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramHandler(state))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    private static func bindStreams(
        on group: any EventLoopGroup,
        port: Int,
        tls: NIOSSLContext?,
        _ state: Box
    ) async throws -> any Channel {
        try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                state.value.withLock {
                    $0.connections += 1
                    $0.accepted.append(channel)
                }
                return channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    try channel.pipeline.syncOperations.addHandler(StreamHandler(state))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
    }

    private init(port: Int, _ datagrams: any Channel, _ streams: any Channel, _ state: Box) {
        endpoint = Endpoint(IPAddress(v4: 0x7f00_0001), port: UInt16(port))
        self.datagrams = datagrams
        self.streams = streams
        box = state
    }

    private let box: Box

    /// The state, shared with the handlers.
    final class Box: Sendable {
        let value = Mutex(State())
    }

    var connections: Int { box.value.withLock { $0.connections } }
    var questions: [String] { box.value.withLock { $0.questions } }
    /// Source ports of datagrams.
    var sources: Set<Int> { box.value.withLock { $0.sources } }

    /// Returns when a question with this first label has arrived.
    func hears(_ label: String) async throws {
        let promise = datagrams.eventLoop.makePromise(of: Void.self)
        box.value.withLock { state in
            if state.questions.contains(label) {
                promise.succeed()
            } else {
                state.watchers.append((label, promise))
            }
        }
        try await promise.futureResult.get()
    }

    /// Sends the replies to `hold` questions, the last one first.
    func releaseHeld() {
        let held = box.value.withLock { state in
            defer { state.held = [] }
            return state.held
        }
        for send in held.reversed() { send() }
    }

    /// Closes every accepted connection.
    func hangUp() async throws {
        let accepted = box.value.withLock { state in
            defer { state.accepted = [] }
            return state.accepted
        }
        for channel in accepted { try? await channel.close() }
    }

    func stop() async throws {
        try await hangUp()
        try await streams.close()
        try await datagrams.close()
    }
}

// MARK: - Behaviour

/// What the first label asks for.
private enum Behaviour: String {
    /// No reply.
    case drop
    /// A reply under another id first, then one to another question, then the right one.
    case liars
    /// Octets that are no message.
    case garbage
    /// TC over UDP, an answer over TCP.
    case truncated
    /// The connection is closed instead.
    case hangup
    /// As `hangup`, with a reset.
    case reset
    /// Only when the test says so.
    case hold
    /// One octet at a time.
    case slowly

    /// The replies in order, without the length that TCP puts in front.
    func replies(to message: [UInt8], id: UInt16, over transport: Transport) -> [[UInt8]] {
        let right = ScriptedLink.Sent.reply(to: message, id: id)
        switch self {
        case .drop, .hangup, .reset: return []
        case .liars:
            let other = ScriptedLink.Sent.reply(to: message, question: [1, 0x78, 0, 0, 1, 0, 1], id: id)
            let stranger = ScriptedLink.Sent.reply(to: message, id: id &+ 1)
            return transport == .udp ? [stranger, other, right] : [stranger, right]
        case .garbage: return [[UInt8(id >> 8), UInt8(id & 0xff), 0xff, 0xff, 0xff]]
        case .truncated:
            return transport == .tcp
                ? [right] : [ScriptedLink.Sent.reply(to: message, flags: 0x8380, id: id)]
        case .hold, .slowly: return [right]
        }
    }
}

private struct Request {
    let message: [UInt8]
    let label: String
    let behaviour: Behaviour?

    init(_ message: [UInt8]) {
        self.message = message
        let size = message.count > 12 ? min(Int(message[12]), message.count - 13) : 0
        label = String(decoding: message.dropFirst(13).prefix(size), as: UTF8.self)
        behaviour = Behaviour(rawValue: label)
    }

    func replies(over transport: Transport) -> [[UInt8]] {
        let id = UInt16(message[0]) << 8 | UInt16(message[1])
        return behaviour?.replies(to: message, id: id, over: transport)
            ?? [ScriptedLink.Sent.reply(to: message, id: id)]
    }
}

private final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    private let box: ScriptedServer.Box

    init(_ box: ScriptedServer.Box) { self.box = box }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let request = Request(Array(envelope.data.readableBytesView))
        let channel = context.channel
        let send: @Sendable () -> Void = {
            for reply in request.replies(over: .udp) {
                let answer = AddressedEnvelope(
                    remoteAddress: envelope.remoteAddress,
                    data: ByteBuffer(bytes: reply)
                )
                channel.writeAndFlush(answer, promise: nil)
            }
        }
        box.value.withLock { state in
            state.note(request.label)
            state.sources.insert(envelope.remoteAddress.port ?? 0)
            if request.behaviour == .hold { state.held.append(send) }
        }
        if request.behaviour != .hold { send() }
    }
}

private final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let box: ScriptedServer.Box
    private var input = ByteBuffer()

    init(_ box: ScriptedServer.Box) { self.box = box }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        input.writeImmutableBuffer(unwrapInboundIn(data))
        while let length = input.getInteger(at: input.readerIndex, as: UInt16.self),
            input.readableBytes >= 2 + Int(length)
        {
            input.moveReaderIndex(forwardBy: 2)
            answer(Request(input.readBytes(length: Int(length)) ?? []), context.channel)
        }
    }

    private func answer(_ request: Request, _ channel: any Channel) {
        let send: @Sendable () -> Void = {
            for reply in request.replies(over: .tcp) {
                var frame = ByteBuffer(integer: UInt16(reply.count))
                frame.writeBytes(reply)
                guard request.behaviour == .slowly else {
                    channel.writeAndFlush(frame, promise: nil)
                    continue
                }
                while let octet = frame.readSlice(length: 1) { channel.writeAndFlush(octet, promise: nil) }
            }
        }
        box.value.withLock { state in
            state.note(request.label)
            if request.behaviour == .hold { state.held.append(send) }
        }
        switch request.behaviour {
        case .hold: return
        case .hangup: channel.close(promise: nil)
        case .reset:
            // Closing with a linger time of zero sends RST (socket(7), SO_LINGER).
            let reset = linger(l_onoff: 1, l_linger: 0)
            (channel as? any SocketOptionProvider)?.setSoLinger(reset).whenComplete { _ in
                channel.close(promise: nil)
            }
        default: send()
        }
    }
}
