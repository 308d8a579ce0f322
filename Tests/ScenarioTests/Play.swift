// Plays one scenario on the real pieces: Corefile, plan, pipeline, desk, forward groups. Only the network and
// the clock are scripted, so that everything happens at once and in order.

import Addresses
import AnswerCache
import Corefile
import DNSWire
import Plugins
import Resolution
import Synchronization
import Telemetry
import TestSupport
import Timing
import Upstream

@testable import Agent

/// The agent's inside, with one thread's pipeline and one desk.
final class Play {
    let network = ScriptedNetwork()
    let log = Page()
    let taps = Page()
    let inbox = Inbox()
    /// What Corefiles may name.
    var files: [String: String] = [:]
    private let registry = ZoneRegistry(threads: 2)
    private let rejections = RejectionCounters()
    private let pluginNumbers = PluginNumbers(host: "node.example.org", wallClock: { 1_700_000_000 })
    private let deskCounters = DeskCounters()
    private let upstreamCounters = UpstreamCounters()
    private let failures: FailureLog
    private let desk: MissDesk
    private let loops = LoopDetector()
    private var pipeline: QueryPipeline
    private let foundation: ServingPlan.Foundation
    private var plan: ServingPlan?
    private var groups: [ForwardGroup] = []
    private var asked = UInt16(0)

    init() {
        let hashing = NameHash(key: 0x0123_4567_89ab_cdef, multiplier: 0x9e37_79b9_7f4a_7c15)
        let log = log
        let taps = taps
        let clock = Clock(network)
        let queryLog = QueryLog { log.write("[INFO] \($0)") }
        failures = FailureLog { level, text in log.write("[\(level.rawValue.uppercased())] \(text)") }
        foundation = ServingPlan.Foundation(
            hashing: hashing,
            budget: ByteBudget(limit: 1 << 20),
            registry: registry,
            numbers: pluginNumbers,
            tap: { _ in ScriptedTap(page: taps) },
            random: { 7 }
        )
        desk = MissDesk(
            hashing: hashing,
            clocks: Clocks(now: { clock.now }, wallClock: { 1_700_000_000 + UInt32(clock.now.seconds) }),
            thread: 1,
            counters: deskCounters,
            log: queryLog,
            failures: failures,
            alarm: { [network] in network.wake(at: $0, $1) },
            random: RandomStream(seed: 7),
            loops: loops
        )
        pipeline = QueryPipeline(
            hashing: hashing,
            thread: 0,
            rejections: rejections,
            identity: ProbeIdentity(token: "scenario"),
            log: queryLog,
            random: RandomStream(seed: 7),
            now: { clock.now }
        )
    }

    deinit { for group in groups { group.close() } }

}

// MARK: - What a scenario does

extension Play {
    /// Serves `text` from now on; what is wrong with it, if anything.
    func load(_ text: String) -> String? {
        let sources = Sources(
            read: { [files] (path) throws(SourceError) in
                guard let text = files[path] else { throw .notFound }
                return text
            }
        )
        let check = CorefileCheck.run("Corefile", sources: sources.replacing("Corefile", with: text))
        guard let configuration = check.configuration else { return check.report }
        do throws(ServingPlan.Refusal) {
            let new = try ServingPlan(configuration, after: plan, on: foundation)
            for planned in new.blocks {
                let exchanges = planned.settings.map {
                    ForwardGroup($0, network: network, counters: upstreamCounters)
                }
                for group in exchanges {
                    LoopWatch.start(on: group, detector: loops) { [log] event in
                        switch event {
                        case .found(let upstream, _): log.write("[ERROR] plugin/loop: \(upstream)")
                        case .gone(let upstream): log.write("[INFO] plugin/loop: \(upstream)")
                        }
                    }
                }
                groups += exchanges
                desk.serve(planned.block, by: exchanges)
            }
            for planned in plan?.blocks ?? [] { desk.retire(planned.block) }
            registry.adopt(new)
            plan = new
            return nil
        } catch {
            return error.description
        }
    }

    /// Asks as a client would.
    func ask(_ question: Message, over transport: Transport) { ask(question.encoded(), over: transport) }

    /// Sends what a client may send.
    func ask(_ packet: [UInt8], over transport: Transport) {
        guard let table = plan?.tables.first else { return }
        let client = Endpoint(IPAddress(v4: 0xc000_0264), port: 41_231)
        let arrival = Arrival(family: .v4, transport: transport, at: network.now)
        var buffer = [UInt8](repeating: 0, count: transport == .udp ? Limits.ednsUDPSize : Limits.messageSize)
        var output = buffer.mutableSpan
        let verdict = pipeline.answer(packet.span, on: table, arrival, client: client, into: &output)
        let path = Path(inbox: inbox, transport: transport, client: client)
        let pass = { [desk] (zone: Int, reason: AskReason) in
            desk.accept(
                PendingQuery(
                    packet: packet,
                    table: table,
                    zone: zone,
                    reason: reason,
                    arrivedAt: arrival.at,
                    replyPath: reason == .refresh ? nil : path,
                    family: .v4,
                    transport: transport
                )
            )
        }
        switch verdict {
        case .reply(let size): inbox.add(Array(buffer[..<size]))
        case .replyAndRefresh(let size, let zone):
            inbox.add(Array(buffer[..<size]))
            pass(zone, .refresh)
        case .ask(let zone, let reason): pass(zone, reason)
        case .drop: break
        }
        pipeline.repliesHaveLeft(table, arrival)
        network.settle()
    }

    /// Lets the clock run, and what has its time happen in it.
    func elapse(_ interval: Interval) {
        let end = network.now + interval
        while network.now < end {
            network.elapse(min(.seconds(1), end - network.now))
            failures.flush(at: network.now)
        }
    }

    /// What a scrape shows.
    var exposition: [Substring] {
        let snapshot = MetricSnapshot(of: [
            registry, rejections, deskCounters, upstreamCounters, pluginNumbers,
        ])
        return String(decoding: snapshot.render(), as: UTF8.self).split(separator: "\n")
    }
}

// MARK: - Who is told

/// The network's time as the pieces see it; here all of them live on one thread.
private final class Clock: @unchecked Sendable {
    private let network: ScriptedNetwork

    init(_ network: ScriptedNetwork) { self.network = network }

    var now: Instant { network.now }
}

/// Lines in the order in which they were written and are read.
final class Page: Sendable {
    private let lines = Mutex<[String]>([])

    func write(_ line: String) { lines.withLock { $0.append(line) } }

    /// The next line; nil when all were read.
    func read() -> String? { lines.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
}

/// Replies in the order of their coming.
final class Inbox: Sendable {
    private let replies = Mutex<[[UInt8]]>([])

    func add(_ reply: [UInt8]) { replies.withLock { $0.append(reply) } }

    func take() -> [UInt8]? { replies.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
}

/// An observer that writes down what it gets.
private struct ScriptedTap: MessageTap {
    let page: Page

    func copy(
        _ event: TapEvent,
        _ message: Span<UInt8>,
        of query: borrowing Query,
        _ parties: TapParties
    ) {
        let octets = message.array(0..<message.count)
        let question = Message(octets)?.questions.first
        var words = [event.rawValue, question?.name ?? "?", question.map { "\($0.type)" } ?? "?"]
        if event == .clientResponse || event == .forwarderResponse {
            words.append(Message(octets).map { "\($0.code)" } ?? "?")
            let effort = parties.answeredAt.map { $0 - parties.askedAt } ?? .zero
            words.append("after \(effort.millisecondsRoundedUp)ms")
        }
        if let transport = parties.transport { words.append(transport.rawValue) }
        words.append("from \(parties.client.address)")
        if let server = parties.server { words.append("to \(server.address)") }
        page.write(words.joined(separator: " "))
    }
}

private struct Path: ReplyPath {
    let inbox: Inbox
    let transport: Transport
    let client: Endpoint?

    func deliver(_ reply: Span<UInt8>) { inbox.add(reply.array(0..<reply.count)) }
}
