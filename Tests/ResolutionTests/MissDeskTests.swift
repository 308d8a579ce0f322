import Addresses
import AnswerCache
import DNSWire
import Resolution
import Telemetry
import TestSupport
import Testing
import Timing

/// What happens to questions that the cache could not answer. Whole behaviours are played as scenarios; here
/// are the corners that a scenario cannot reach.
@Suite struct MissDeskTests {
    /// A desk with one block and an upstream that answers when told to.
    private final class Office {
        let upstream = HeldExchange()
        let lines = Lines()
        let counters = DeskCounters()
        let block: ServerBlock
        let table: ZoneTable
        let desk: MissDesk
        let loops = LoopDetector()
        let budget: ByteBudget

        init(budget: Int = 1 << 20) throws {
            self.budget = ByteBudget(limit: budget)
            block = ServerBlock(
                index: 0,
                cache: ShardedCache(settings: CacheSettings(), budget: self.budget),
                forwards: [ForwardRoute(from: .root, exchange: 0)],
                logRules: [
                    LogRule(
                        name: .root,
                        format: LogFormat("{name} {rcode}"),
                        classes: [.success, .denial, .error]
                    )
                ],
                logsErrors: true
            )
            table = try ResolutionTests.table([(".", block)])
            let lines = lines
            desk = MissDesk(
                hashing: hashing,
                clocks: Clocks(now: { .at(100) }, wallClock: { 1_000 }),
                thread: 1,
                counters: counters,
                log: QueryLog { lines.add($0) },
                failures: FailureLog { lines.add("\($0): \($1)") },
                alarm: { _, _ in },
                loops: loops
            )
            desk.serve(block, by: [upstream])
        }

        func ask(
            _ question: String,
            _ client: Client?,
            _ reason: AskReason = .miss,
            in table: ZoneTable? = nil
        ) {
            desk.accept(
                PendingQuery(
                    packet: Message(asking: question).encoded(),
                    table: table ?? self.table,
                    zone: 0,
                    reason: reason,
                    arrivedAt: .at(0),
                    replyPath: client,
                    family: .v4,
                    transport: client?.transport ?? .udp
                )
            )
        }
    }

    @Test func whoAsksTheSameIsAnsweredWithOneQuestion() throws {
        let office = try Office()
        let clients = (0..<1_000).map { _ in Client() }
        for client in clients { office.ask("www.example.org. A", client) }
        #expect(office.upstream.asked.count == 1 && office.desk.waiting == 1_000)
        try office.upstream.answer("NOERROR", "www.example.org. 60 A 192.0.2.1")
        for client in clients {
            #expect(client.received == [["NOERROR", "www.example.org. 60 A 192.0.2.1"]])
        }
        #expect(office.desk.waiting == 0)
        #expect(MetricSnapshot(of: [office.counters]).number(.coalesced) == 999)
    }

    @Test(arguments: [
        "www.example.org. AAAA", "www.example.org. A do", "www.example.org. A cd", "www.example.org. A CH",
    ])
    func whoAsksSomethingElseIsNot(_ question: String) throws {
        let office = try Office()
        office.ask("www.example.org. A", Client())
        office.ask(question, Client())
        #expect(office.upstream.asked.count == 2)
    }

    /// `forward` may ask over the client's transport, and what came over UDP may be cut.
    @Test func clientsOfTheOtherTransportAskForThemselves() throws {
        let office = try Office()
        office.ask("www.example.org. A", Client(.udp))
        office.ask("www.example.org. A", Client(.tcp))
        #expect(office.upstream.asked.map(\.clientTransport) == [.udp, .tcp])
    }

    /// A client that asks again from within its own answer, as a stream with more queries in it might.
    @Test func aReplyMayLeadToTheNextQuestion() throws {
        let office = try Office()
        let second = Client()
        let first = Client { office.ask("b.example.org. TXT", second) }
        let third = Client()
        office.ask("a.example.org. A", first)
        office.ask("a.example.org. A", third)
        try office.upstream.answer("NOERROR", "a.example.org. 60 A 192.0.2.1")
        #expect(first.received == [["NOERROR", "a.example.org. 60 A 192.0.2.1"]])
        #expect(third.received == first.received)
        #expect(office.lines.take() == ["a.example.org. NOERROR", "a.example.org. NOERROR"])
        try office.upstream.answer("NXDOMAIN")
        #expect(second.received == [["NXDOMAIN"]])
        #expect(office.lines.take() == ["b.example.org. NXDOMAIN"])
    }

    @Test func anAnswerThatCameMeanwhileServesTheNextOne() throws {
        let office = try Office()
        office.ask("www.example.org. A", Client())
        try office.upstream.answer("NOERROR", "www.example.org. 60 A 192.0.2.1")
        let late = Client()
        office.ask("www.example.org. A", late)
        #expect(late.received.count == 1)
        #expect(office.upstream.asked.count == 1)
    }

    @Test(arguments: [
        "00 01", "00 00 01 00 00 01 00 00 00 00 00 00", "00 00 81 80 00 01 00 01 00 00 00 00 00 00 01 00 01",
    ])
    func whatIsNoAnswerIsAFailure(_ octets: String) throws {
        let office = try Office()
        let client = Client()
        office.ask("www.example.org. A", client)
        office.upstream.babble(hex(octets))
        #expect(client.received == [["SERVFAIL"]])
        let lines = office.lines.take()
        #expect(
            lines.first?.hasPrefix(
                "error: plugin/errors: 2 www.example.org. A: malformed reply from 192.0.2.1:53"
            ) == true
        )
        #expect(lines.last == "www.example.org. -")
    }

    @Test func aFailureIsLoggedOnceForAllWhoWait() throws {
        let office = try Office()
        for _ in 0..<3 { office.ask("Www.example.org. A", Client()) }
        office.upstream.fail()
        #expect(
            office.lines.take().filter { $0.hasPrefix("error") } == [
                "error: plugin/errors: 2 www.example.org. A: i/o timeout"
            ]
        )
    }

    @Test(
        "A block that has used up the budget leaves room for the answers of another, and none for its failures"
    )
    func oneBudget() throws {
        let office = try Office(budget: 20_000)
        let other = ServerBlock(
            index: 1,
            cache: ShardedCache(settings: CacheSettings(), budget: office.budget),
            forwards: [ForwardRoute(from: .root, exchange: 0)]
        )
        office.desk.serve(other, by: [office.upstream])
        let table = try ResolutionTests.table([("test.", other)])
        for number in 0..<200 {
            office.ask("n\(number).example.org. A", nil)
            try office.upstream.answer("NOERROR", "n\(number).example.org. 60 A 192.0.2.1")
        }
        #expect(office.budget.used > 19_500)
        let before = try #require(office.block.cache).census().entries.success

        office.ask("missing.test. A", nil, in: table)
        try office.upstream.answer("NXDOMAIN", "authority test. 300 SOA a. b. 1 2 3 4 5")
        #expect(other.cache?.census().entries.denial == 0)
        #expect(office.block.cache?.census().entries.success == before)

        office.ask("www.test. A", nil, in: table)
        try office.upstream.answer("NOERROR", "www.test. 60 A 192.0.2.1")
        #expect(other.cache?.census().entries.success == 1)
        #expect(office.budget.used <= office.budget.limit)
    }

    @Test func aRetiredBlockAnswersServfail() throws {
        let office = try Office()
        office.desk.retire(office.block)
        let client = Client()
        office.ask("www.example.org. A", client)
        #expect(client.received == [["SERVFAIL"]])
    }

    @Test func aRefreshHasNobodyToAnswer() throws {
        let office = try Office()
        office.ask("www.example.org. A", nil, .refresh)
        let client = Client()
        office.ask("www.example.org. A", client)
        #expect(office.upstream.asked.count == 1)
        try office.upstream.answer("NOERROR", "www.example.org. 60 A 192.0.2.1")
        #expect(client.received.count == 1)
        office.ask("b.example.org. A", nil, .refresh)
        office.upstream.fail()
        #expect(office.desk.waiting == 0)
    }

    /// Nobody but the upstream that was asked can know the name: whoever asks for it leads back to us.
    @Test func aProbeThatComesBackIsToldAndGoesNoFurther() throws {
        let office = try Office()
        let probe = try #require(DomainName("7.7.example.org"))
        var sightings: [LoopDetector.Sighting] = []
        office.loops.expect(probe) { sightings.append($0) }
        let client = Client(.tcp)
        office.ask("7.7.example.org. HINFO", client)
        #expect(sightings.map(\.name) == [probe] && sightings.map(\.zone) == [.root])
        #expect(client.received == [["NXDOMAIN"]])
        // Another type is somebody else's question, and a name that was forgotten is any name.
        office.ask("7.7.example.org. A", Client())
        office.loops.forget(probe)
        office.ask("7.7.example.org. HINFO", Client())
        #expect(sightings.count == 1 && office.upstream.asked.count == 2)
    }
}
