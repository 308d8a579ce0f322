// One client's TCP connection: queries come pipelined, answers leave as soon as they are there, in any order
// (RFC 7766, 6.2.1.1 and 7).

import Addresses
import DNSWire
import Glibc
import Kernel
import NIOCore
import Resolution
import Timing

/// Reads queries from a channel and writes answers to it. Lives on the channel's event loop.
final class StreamSession: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let desk: StreamDesk
    /// What serves the listener's connections now: a connection may live longer than a configuration.
    private let table: () -> ZoneTable
    private let client: Endpoint
    private var frames = StreamFrames()
    private var context: ChannelHandlerContext?
    /// Answers of this turn of the loop; they leave in one write.
    private var output = ByteBuffer()
    private var isInRead = false
    /// Queries that wait for upstream.
    private var waiting = 0
    private var holdsRead = false
    private var clientIsDone = false
    /// We leave, and the client has just had an answer.
    private var mayLeave = false
    /// All is answered and on its way out; then the connection is closed.
    private var isEnding = false
    private var deadline: NIODeadline
    private var timer: Scheduled<Void>?

    init(desk: StreamDesk, client: Endpoint, table: @escaping () -> ZoneTable) {
        self.desk = desk
        self.table = table
        self.client = client
        let patience = table().patience.firstQuery
        deadline = .now() + (patience.map { TimeAmount($0) } ?? desk.limits.firstQuery)
    }

    private var idle: TimeAmount { table().patience.idle.map { TimeAmount($0) } ?? desk.limits.idle }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        arm(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        timer?.cancel()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent {
            // Half closed: what was asked is still answered (node-cache's specification, 5.5).
            clientIsDone = true
            closeWhenDone(context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let input = unwrapInboundIn(data)
        isInRead = true
        let table = table()
        unsafe input.withUnsafeReadableBytes { bytes in
            // SAFETY: the span ends with this closure, the buffer lives longer.
            let octets = unsafe Span<UInt8>(_unsafeElements: bytes.assumingMemoryBound(to: UInt8.self))
            frames.read(octets) { answer($0, on: table) }
        }
        isInRead = false
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if output.readableBytes > 0 { leaveIfToldTo() }
        flush(context)
        closeWhenDone(context)
        context.fireChannelReadComplete()
    }

    /// Back-pressure: a client that asks faster than upstream answers, or does not read, has to wait.
    func read(context: ChannelHandlerContext) {
        if waiting >= desk.limits.waitingPerConnection || !context.channel.isWritable {
            holdsRead = true
        } else {
            context.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        resumeReading(context)
        context.fireChannelWritabilityChanged()
    }

    private func resumeReading(_ context: ChannelHandlerContext) {
        guard holdsRead, waiting < desk.limits.waitingPerConnection, context.channel.isWritable else {
            return
        }
        holdsRead = false
        context.read()
    }

    private func answer(_ packet: Span<UInt8>, on table: ZoneTable) {
        deadline = .now() + idle
        let arrival = Arrival(family: client.address.family, transport: .tcp, at: MonotonicClock.now())
        let verdict = desk.answer(packet, on: table, arrival, client: client) { append($0) }
        switch verdict {
        case .reply, .drop: break
        case .replyAndRefresh(_, let zone): ask(packet, table, zone, .refresh, arrival)
        case .ask(let zone, let reason): ask(packet, table, zone, reason, arrival)
        }
    }

    private func ask(
        _ packet: Span<UInt8>,
        _ table: ZoneTable,
        _ zone: Int,
        _ reason: AskReason,
        _ arrival: Arrival
    ) {
        if reason != .refresh { waiting += 1 }
        desk.ask(
            PendingQuery(
                packet: packet.array(0..<packet.count),
                table: table,
                zone: zone,
                reason: reason,
                arrivedAt: arrival.at,
                replyPath: reason == .refresh ? nil : StreamReplyPath(session: self, client: client),
                family: client.address.family,
                transport: .tcp
            )
        )
    }

    // MARK: Writing

    /// An answer that had to wait for upstream.
    fileprivate func deliverLate(_ reply: Span<UInt8>) {
        waiting -= 1
        guard let context else { return }
        append(reply)
        deadline = .now() + idle
        leaveIfToldTo()
        if !isInRead { flush(context) }
        resumeReading(context)
        closeWhenDone(context)
    }

    private func append(_ reply: Span<UInt8>) {
        output.writeInteger(UInt16(truncatingIfNeeded: reply.count))
        unsafe reply.withUnsafeBufferPointer { _ = unsafe output.writeBytes($0) }
    }

    private func flush(_ context: ChannelHandlerContext) {
        guard output.readableBytes > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(output), promise: nil)
        output = ByteBuffer()
    }

    /// Behind an answer is the one moment at which a client may be left without losing a question of its.
    private func leaveIfToldTo() {
        if desk.isLeaving, !frames.isInsideMessage { mayLeave = true }
    }

    private func closeWhenDone(_ context: ChannelHandlerContext) {
        guard clientIsDone || mayLeave, waiting == 0, !isEnding else { return }
        isEnding = true
        // Behind all that was written before: a client that reads slowly still gets the whole of it.
        let last = output
        output = ByteBuffer()
        context.writeAndFlush(wrapOutboundOut(last)).assumeIsolated().whenComplete { _ in self.end(context) }
    }

    /// What the client has asked meanwhile lies in the socket, and would go with it: it is answered first.
    private func end(_ context: ChannelHandlerContext) {
        guard !clientIsDone, context.channel.hasUnreadInput else { return context.close(promise: nil) }
        mayLeave = false
        isEnding = false
    }

    // MARK: Time

    /// One timer, moved when it fires: a query only notes its time.
    private func arm(_ context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, let context = self.context else { return }
            if self.waiting == 0, self.deadline <= .now() {
                context.close(promise: nil)
            } else {
                if self.deadline <= .now() { self.deadline = .now() + self.idle }
                self.arm(context)
            }
        }
    }
}

/// The way back of a TCP query that had to wait.
private struct StreamReplyPath: ReplyPath {
    // SAFETY: made and delivered on the session's event loop; others only carry it.
    private nonisolated(unsafe) let session: StreamSession
    let client: Endpoint?

    init(session: StreamSession, client: Endpoint) {
        unsafe self.session = session
        self.client = client
    }

    var transport: Transport { .tcp }

    func deliver(_ reply: Span<UInt8>) {
        unsafe session.deliverLate(reply)
    }
}

extension Channel {
    /// Whether the kernel holds octets for us that nobody has read.
    fileprivate var hasUnreadInput: Bool {
        guard let options = self as? any SocketOptionProvider else { return false }
        var isHeld = false
        // SO_MEMINFO (Linux 4.12): the first of nine numbers is what the receive queue takes.
        let numbers: EventLoopFuture<InlineArray<9, UInt32>> = options.unsafeGetSocketOption(
            level: .socket,
            name: NIOBSDSocket.Option(rawValue: SO_MEMINFO)
        )
        // Known at once: we are on the channel's loop.
        numbers.assumeIsolated().whenSuccess { isHeld = $0[0] > 0 }
        return isHeld
    }
}

extension TimeAmount {
    /// The same time in NIO's words.
    fileprivate init(_ interval: Interval) {
        self = .nanoseconds(Int64(clamping: interval.nanoseconds))
    }
}
