// What the tests of this folder serve with: a zone that is forwarded to a desk which answers or holds back.

import Addresses
import DNSWire
import Kernel
import Listeners
import NIOCore
import NIOPosix
import Resolution
import Synchronization
import TestSupport
import Testing
import Timing

let hashing = NameHash(key: 0x0123_4567_89ab_cdef, multiplier: 0x9e37_79b9_7f4a_7c15)

/// The probe's question: answered by the pipeline itself.
func probe(_ id: UInt16) -> Message { Message(asking: "probe.node-local-dns. TXT CH", id: id) }

/// A question that goes to the desk.
func question(_ name: String, _ id: UInt16 = 1) -> Message {
    Message(asking: "\(name).example.org. A", id: id)
}

func pipeline(now: @escaping @Sendable () -> Instant = { MonotonicClock.now() }) -> QueryPipeline {
    QueryPipeline(
        hashing: hashing,
        thread: 0,
        rejections: RejectionCounters(),
        identity: ProbeIdentity(token: "it-is-me"),
        log: QueryLog { _ in },
        now: now
    )
}

/// A table whose questions the desk answers; or an empty one, which refuses them.
func table(serving isServing: Bool = true) -> ZoneTable {
    let counters = { ZoneCounters(server: "dns://127.0.0.1:53", zone: $0, cacheZones: "", threads: 1) }
    let block = ServerBlock(index: 0, forwards: [ForwardRoute(from: .root, exchange: 0)])
    let zone = ZoneTable.Zone(name: .root, block: block, counters: counters("."), hashing: hashing)
    return ZoneTable(
        server: "dns://127.0.0.1:53",
        zones: isServing ? [zone] : [],
        dropped: counters("dropped")
    )
}

/// Answers at once, but names that begin with `hold` when told to, and `big` with 60 000 octets.
final class FakeDesk: Sendable {
    private let held = Mutex<[PendingQuery]>([])

    /// Questions that are held back.
    var holds: Int { held.withLock { $0.count } }

    func accept(_ pending: PendingQuery) {
        guard let question = Message(pending.packet) else { return }
        if question.questions.first?.name.hasPrefix("hold") == true {
            held.withLock { $0.append(pending) }
        } else {
            Self.answer(pending, question)
        }
    }

    /// Answers what was held back, the last one first; call on the event loop.
    func release() {
        let pending = held.withLock { held in
            defer { held = [] }
            return held
        }
        for pending in pending.reversed() {
            if let question = Message(pending.packet) { Self.answer(pending, question) }
        }
    }

    private static func answer(_ pending: PendingQuery, _ question: Message) {
        let name = question.questions.first?.name ?? "."
        guard name.hasPrefix("big") else {
            let reply = Message(answering: question, ["NOERROR", "\(name) 60 A 192.0.2.1"]).encoded()
            pending.replyPath?.deliver(reply.span)
            return
        }
        var reply = Message(answering: question, ["NOERROR"]).encoded() + bigRecord
        reply[7] = 1
        pending.replyPath?.deliver(reply.span)
    }

    /// Of an unknown type, with 60 000 octets.
    private static let bigRecord =
        hex("c0 0c ff 00 00 01 00 00 00 3c ea 60") + [UInt8](repeating: 0, count: 60_000)
}

/// Lets a thread stand still until it is told to go on.
final class Standstill: Sendable {
    private let isOver = Atomic<Bool>(false)

    func wait() { while !isOver.load(ordering: .acquiring) { Thread.pause(.milliseconds(1)) } }
    func end() { isOver.store(true, ordering: .releasing) }
}

/// An event loop and a desk on it, for the time of `body`.
func withLoop(_ body: (any EventLoop, FakeDesk) throws -> Void) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let result = Result { try body(group.next(), FakeDesk()) }
    try await group.shutdownGracefully()
    try result.get()
}

/// A listener for TCP on loopback, for the time of `body`, whose last argument has the desk answer.
func withServer(
    _ adjust: @escaping @Sendable (inout StreamLimits) -> Void = { _ in },
    _ body: (Endpoint, @escaping @Sendable () throws -> Void) throws -> Void
) async throws {
    try await withListener(adjust) { address, release, _ in try body(address, release) }
}

/// The last argument of `body` gives the listener another table.
func withListener(
    _ adjust: @escaping @Sendable (inout StreamLimits) -> Void = { _ in },
    _ body: (Endpoint, @escaping @Sendable () throws -> Void, (ZoneTable) throws -> Void) throws -> Void
) async throws {
    try await withLoop { loop, desk in
        let socket = SharedDescriptor(try Socket.stream(boundTo: loopback))
        let address = try #require(Socket.localEndpoint(of: socket.raw))
        let listener = try loop.flatSubmit { () -> EventLoopFuture<StreamListener> in
            var limits = StreamLimits()
            adjust(&limits)
            let streams = StreamDesk(pipeline: pipeline(), limits: limits) { desk.accept($0) }
            do {
                return try StreamListener.start(
                    on: socket,
                    table: table(),
                    desk: streams,
                    eventLoop: loop
                )
            } catch {
                return loop.makeFailedFuture(error)
            }
        }.wait()
        try body(
            address,
            { try loop.submit { desk.release() }.wait() },
            { table in try loop.submit { listener.adopt(table, nil) }.wait() }
        )
        try loop.submit {
            listener.close()
            listener.closeConnections()
        }.wait()
    }
}

let loopback = Endpoint(IPAddress(v4: 0x7f00_0001), port: 0)
