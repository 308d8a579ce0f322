import Addresses
import AnswerCache
import DNSWire
import Resolution
import Telemetry
import TestSupport
import Testing
import Timing

/// One query's way on the thread that read it.
@Suite struct QueryPipelineTests {
    private static func cachingBlock(_ index: Int = 0) -> ServerBlock {
        ServerBlock(
            index: index,
            cache: ShardedCache(settings: CacheSettings(), budget: ByteBudget(limit: 1 << 20)),
            forwards: [ForwardRoute(from: .root, exchange: 0)]
        )
    }

    private let rejections = RejectionCounters()

    /// The verdict, and the reply if there is one.
    private func ask(
        _ packet: [UInt8],
        _ table: ZoneTable,
        over transport: Transport = .udp
    ) -> (verdict: Verdict, reply: Message?) {
        var pipeline = QueryPipeline(
            hashing: hashing,
            thread: 0,
            rejections: rejections,
            identity: ProbeIdentity(token: "it-is-me"),
            log: QueryLog { _ in },
            now: { .at(1) }
        )
        var buffer = [UInt8](repeating: 0, count: 65_535)
        var output = buffer.mutableSpan
        let arrival = Arrival(family: .v4, transport: transport, at: .at(0))
        let verdict = pipeline.answer(packet.span, on: table, arrival, client: client, into: &output)
        pipeline.repliesHaveLeft(table, arrival)
        switch verdict {
        case .reply(let size), .replyAndRefresh(let size, _):
            return (verdict, Message(Array(buffer[..<size])))
        case .ask, .drop: return (verdict, nil)
        }
    }

    private func ask(_ question: String, _ table: ZoneTable) -> (verdict: Verdict, reply: Message?) {
        ask(Message(asking: question).encoded(), table)
    }

    @Test func whatTheCacheDoesNotKnowIsAskedFor() throws {
        let table = try table([
            ("example.org.", Self.cachingBlock()), (".", ServerBlock(index: 1, logsErrors: true)),
        ])
        #expect(ask("www.example.org. A", table).verdict == .ask(zone: 0, .miss))
        #expect(ask("www.example.com. A", table).verdict == .ask(zone: 1, .miss))
    }

    /// All servers are down: the event loop could not say more, and has other work.
    @Test func whileUpstreamIsLostAMissFailsAtOnceButForOneNowAndThen() throws {
        let block = Self.cachingBlock()
        let table = try table([("example.org.", block)])
        block.reachability?.set(isLost: true)
        #expect(ask("a.example.org. A", table).verdict == .ask(zone: 0, .miss))
        let reply = try #require(ask("b.example.org. A", table).reply)
        #expect(reply.code == .serverFailure)
        #expect(MetricSnapshot(of: [rejections]).number(.shed, labels: ["upstreams_down"]) == 1)
        block.reachability?.set(isLost: false)
        #expect(ask("c.example.org. A", table).verdict == .ask(zone: 0, .miss))
    }

    @Test func whileUpstreamIsLostAnExpiredAnswerIsGivenAtOnce() throws {
        var settings = CacheSettings()
        settings.stale = CacheSettings.Stale(duration: .seconds(3_600), verifies: true, patience: nil)
        let cache = ShardedCache(settings: settings, budget: ByteBudget(limit: 1 << 20))
        let block = ServerBlock(index: 0, cache: cache, forwards: [ForwardRoute(from: .root, exchange: 0)])
        let table = try table([("example.org.", block)])
        try keep("www.example.org. 1 A 192.0.2.1", in: cache, for: 1, at: Instant(nanoseconds: 0))
        #expect(ask("www.example.org. A", table).verdict == .ask(zone: 0, .verify))
        block.reachability?.set(isLost: true)
        // The first one is the trial, and does not wait for it either.
        for isTrial in [true, false] {
            let asked = ask("www.example.org. A", table)
            #expect(asked.verdict.wantsRefresh == isTrial)
            #expect(asked.reply?.lines == ["www.example.org. 0 A 192.0.2.1"])
        }
    }

    @Test func whatTheCacheKnowsIsAnswered() throws {
        let block = Self.cachingBlock()
        let table = try table([("example.org.", block)])
        try keep("www.example.org. 60 A 192.0.2.1", in: #require(block.cache), for: 30, at: .at(0))
        let reply = try #require(ask("WWW.example.org. A", table).reply)
        #expect(reply.lines == ["WWW.example.org. 30 A 192.0.2.1"])
        #expect(reply.flagNames == ["aa", "rd", "ra"])
        #expect(observed(table) == ["_sum 0.001", "_count 1"], "from its arrival until its reply has left")
    }

    /// Puts the answer to `www.example.org. A` into a cache.
    private func keep(_ record: String, in cache: ShardedCache, for seconds: UInt32, at now: Instant) throws {
        let question = Message(asking: "www.example.org. A")
        let answer = try AnswerMessage(Message(answering: question, ["NOERROR ra", record]).encoded())
        var query = Query()
        let packet = question.encoded()
        _ = query.read(packet.span, hashing: hashing)
        cache.insert(answer, for: query, as: .success, lifetime: seconds, at: now)
    }

    /// Sum and count of the hits' durations.
    private func observed(_ table: ZoneTable) -> [Substring] {
        var snapshot = MetricSnapshot()
        for zone in table.zones { zone.counters.collectQueries(into: &snapshot) }
        let family = "nodelocal_hit_duration_seconds"
        return String(decoding: snapshot.render(), as: UTF8.self)
            .split(separator: "\n")
            .filter { $0.hasPrefix("\(family)_sum") || $0.hasPrefix("\(family)_count") }
            .map { $0.dropFirst(family.count) }
    }

    @Test(arguments: [
        "www.example.com. A",  // no block
        "www.example.org. AXFR", "www.example.org. IXFR",  // no transfers (chapter 7, 23)
    ])
    func refusals(_ question: String) throws {
        let table = try table([("example.org.", Self.cachingBlock())])
        let reply = try #require(ask(question + " edns 1232", table).reply)
        #expect(reply.code == .refused && reply.questions.count == 1 && reply.opt != nil)
        #expect(reply.flagNames == ["rd"])
    }

    @Test func aBlockWithoutAnythingThatAnswersRefuses() throws {
        let reply = ask("www.example.org. A", try table([("example.org.", ServerBlock(index: 0))])).reply
        #expect(reply?.code == .refused)
    }

    @Test func otherClassesNeedABlockThatForwards() throws {
        let caching = try table([("example.org.", Self.cachingBlock())])
        #expect(ask("www.example.org. TXT CH", caching).verdict == .ask(zone: 0, .miss))
        let silent = try table([("example.org.", ServerBlock(index: 0, logsErrors: true))])
        #expect(ask("www.example.org. TXT CH", silent).reply?.code == .refused)
        #expect(ask("www.example.org. TXT", silent).verdict == .ask(zone: 0, .miss))
    }

    // MARK: The probe

    @Test func theProbeIsAnsweredWithTheToken() throws {
        let table = try table([("example.org.", ServerBlock(index: 0))])
        let reply = try #require(ask("Probe.node-local-dns. TXT CH", table).reply)
        #expect(reply.lines == ["Probe.node-local-dns. 0 CH TXT it-is-me"])
        #expect(reply.id == 0x2a17 && reply.flagNames == ["aa"])
    }

    @Test(arguments: [
        "probe.node-local-dns. TXT", "probe.node-local-dns. A CH", "a.probe.node-local-dns. TXT CH",
    ])
    func otherQuestionsAreNotTheProbe(_ question: String) throws {
        let reply = try #require(ask(question, try table([])).reply)
        #expect(reply.code == .refused)
    }

    @Test func aTokenHasAtMost63Octets() throws {
        var pipeline = QueryPipeline(
            hashing: hashing,
            thread: 0,
            rejections: rejections,
            identity: ProbeIdentity(token: String(repeating: "x", count: 200)),
            log: QueryLog { _ in },
            now: { .at(1) }
        )
        let packet = Message(asking: "probe.node-local-dns. TXT CH").encoded()
        var buffer = [UInt8](repeating: 0, count: 512)
        var output = buffer.mutableSpan
        let verdict = pipeline.answer(
            packet.span,
            on: try table([]),
            Arrival(family: .v4, transport: .udp, at: .at(0)),
            client: client,
            into: &output
        )
        guard case .reply(let size) = verdict else {
            Issue.record("no reply")
            return
        }
        #expect(Message(Array(buffer[..<size]))?.answers.first?.data == String(repeating: "x", count: 63))
    }

    // MARK: What is no query

    /// A packet, what it is counted as, the reply's code; nil is silence.
    @Test(arguments: [
        ("2a 17 01", "short", nil),
        ("2a 17 81 80 00 01 00 00 00 00 00 00 00 00 01 00 01", "response", nil),
        ("2a 17 29 00 00 01 00 00 00 00 00 00 00 00 06 00 01", "opcode", ResponseCode.notImplemented),
        ("2a 17 01 00 00 00 00 00 00 00 00 00", "malformed", .formatError),
        (
            "2a 17 01 00 00 01 00 00 00 00 00 01 00 00 01 00 01 00 00 29 04 d0 00 05 00 00 00 00",
            "edns_version", .badVersion
        ),
    ])
    func rejectionsAreCountedByReason(_ packet: String, _ reason: String, _ code: ResponseCode?) throws {
        let (verdict, reply) = ask(hex(packet), try table([(".", Self.cachingBlock())]))
        #expect((verdict == .drop) == (code == nil))
        #expect(reply?.code == code)
        #expect(MetricSnapshot(of: [rejections]).number(.packetsRejected, labels: [reason]) == 1)
    }
}
