import Addresses
import DNSWire
import NIOCore
import NIOPosix
import Resolution
import Testing
import Timing
import Upstream

/// The whole module over real sockets on loopback, against a server that misbehaves as told.
@Suite struct LoopbackTests {
    /// A group and a server on one loop each, for the time of `body`.
    private func withServer(
        _ adjust: @escaping @Sendable (inout ForwardSettings) -> Void = { _ in },
        _ body: (ScriptedServer, LiveGroup) async throws -> Void
    ) async throws {
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let server = try await ScriptedServer.start(on: loops.next())
        let group = try await LiveGroup.start(on: loops.next(), [server.endpoint], adjust)
        do {
            try await body(server, group)
        } catch {
            Issue.record(error)
        }
        try await group.close()
        try await server.stop()
        try await loops.shutdownGracefully()
    }

    @Test(arguments: Transport.allCases)
    func anAnswerComesBack(over transport: Transport) async throws {
        try await withServer { server, group in
            let outcome = try await group.ask("www.example.org", over: transport)
            #expect(outcome.text == "NOERROR \(server.endpoint)")
        }
    }

    /// The kernel refuses to connect to a broadcast address before anything is sent, as it does without a route.
    @Test(.timeLimit(.minutes(1)), arguments: Transport.allCases)
    func whatTheKernelRefusesAtOnceEndsTheQuestionSoon(over transport: Transport) async throws {
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let nowhere = Endpoint(IPAddress(v4: 0xffff_ffff), port: 53)
        let group = try await LiveGroup.start(on: loops.next(), [nowhere]) {
            // Its attempts end it, not its budget.
            $0.limits.budget = .seconds(3_600)
            $0.limits.longestPatience = .seconds(3_600)
        }
        let outcome = try await group.ask("www.example.org", over: transport)
        guard case .failed(let failure) = outcome else { throw CancellationError() }
        #expect(
            failure.description.contains("ermission denied") || failure.description.contains("unreachable")
        )
        try await group.close()
        try await loops.shutdownGracefully()
    }

    @Test func everyQuestionOverUDPHasItsOwnPort() async throws {
        try await withServer { server, group in
            for _ in 0..<8 { _ = try await group.ask("www.example.org") }
            #expect(server.sources.count >= 7)  // the kernel may give a port twice
        }
    }

    @Test func questionsOverTCPShareAConnectionAndAnswersMayComeOutOfOrder() async throws {
        try await withServer { server, group in
            async let held = group.ask("hold.example.org", over: .tcp)
            try await server.hears("hold")
            let overtaking = try await group.ask("www.example.org", over: .tcp)
            #expect(overtaking.text.hasPrefix("NOERROR"))
            server.releaseHeld()
            #expect(try await held.text.hasPrefix("NOERROR"))
            #expect(server.connections == 1)
        }
    }

    @Test func manyQuestionsAtOnceAreAllAnswered() async throws {
        // On a busy machine an answer may take long; here that shall not look like a connection in trouble.
        try await withServer({
            $0.limits.shortestPatience = .seconds(4)
            $0.limits.longestPatience = .seconds(4)
        }) { server, group in
            let answered = try await withThrowingTaskGroup(of: Bool.self) { tasks in
                for number in 0..<500 {
                    tasks.addTask {
                        try await group.ask("n\(number).example.org", over: .tcp).text.hasPrefix("NOERROR")
                    }
                }
                return try await tasks.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(answered == 500)
            #expect(server.connections <= 4)
        }
    }

    @Test(arguments: Transport.allCases)
    func liesAreIgnoredAndTheRightAnswerCounts(over transport: Transport) async throws {
        try await withServer { _, group in
            let outcome = try await group.ask("liars.example.org", over: transport)
            #expect(outcome.text.hasPrefix("NOERROR"))
            #expect(group.counters.value(.unwantedReplies) >= 1)
        }
    }

    @Test func aTruncatedAnswerIsFetchedOverTCP() async throws {
        try await withServer({ $0.transport = .udpFirst }) { server, group in
            let outcome = try await group.ask("truncated.example.org")
            #expect(outcome.text.hasPrefix("NOERROR"))
            #expect(server.connections == 1)
        }
    }

    @Test func anAnswerInSingleOctetsIsPutTogether() async throws {
        try await withServer { _, group in
            let outcome = try await group.ask("slowly.example.org", over: .tcp)
            #expect(outcome.text.hasPrefix("NOERROR"))
        }
    }

    /// The question, its transport, and the failure's words at the end.
    @Test(arguments: [
        ("drop", Transport.udp, "i/o timeout"),
        ("drop", .tcp, "i/o timeout"),
        ("garbage", .udp, "malformed reply"),
        ("garbage", .tcp, "malformed reply"),
        ("hangup", .tcp, "EOF"),
        ("reset", .tcp, "connection reset by peer"),
    ])
    func troubleEndsWithinTheBudgetAndIsBounded(
        _ row: (label: String, transport: Transport, words: String)
    ) async throws {
        try await withServer({ $0.limits = .short }) { server, group in
            let outcome = try await group.ask("\(row.label).example.org", over: row.transport)
            #expect(outcome.text.contains(row.words))
            #expect(server.questions.filter { $0 == row.label }.count <= ForwardLimits().mostAttempts)
        }
    }

    @Test func aConnectionThatWasClosedMeanwhileCostsNothing() async throws {
        try await withServer { server, group in
            _ = try await group.ask("www.example.org", over: .tcp)
            try await server.hangUp()
            let outcome = try await group.ask("www.example.org", over: .tcp)
            #expect(outcome.text.hasPrefix("NOERROR"))
            #expect(server.connections == 2)
        }
    }

    @Test(arguments: [
        (Transport.udp, "read: connection refused"), (.tcp, "connect: connection refused"),
    ])
    func aClosedPortIsToldInNodeCachesWords(_ row: (transport: Transport, words: String)) async throws {
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let server = try await ScriptedServer.start(on: loops.next())
        try await server.stop()
        let group = try await LiveGroup.start(on: loops.next(), [server.endpoint]) { $0.limits = .short }
        let outcome = try await group.ask("www.example.org", over: row.transport)
        #expect(outcome.text.hasSuffix(row.words))
        try await group.close()
        try await loops.shutdownGracefully()
    }
}

// MARK: - Helpers

extension ForwardLimits {
    /// The same order of things in a tenth of the time.
    static var short: ForwardLimits {
        var limits = ForwardLimits()
        limits.budget = .milliseconds(400)
        limits.longestPatience = .milliseconds(50)
        limits.pause = .milliseconds(5)
        return limits
    }
}

extension UpstreamOutcome {
    /// `NOERROR 127.0.0.1:53` or the failure's words.
    var text: String {
        switch self {
        case .answered(let bytes, let server): "\(ResponseCode(rawValue: UInt16(bytes[3] & 15))) \(server)"
        case .failed(let failure): failure.description
        }
    }
}

/// A forward group on its event loop, asked from anywhere.
struct LiveGroup: Sendable {
    let counters: UpstreamCounters
    private let loop: any EventLoop
    private let group: NIOLoopBound<ForwardGroup>

    static func start(
        on loop: any EventLoop,
        _ upstreams: [Endpoint],
        _ adjust: @escaping @Sendable (inout ForwardSettings) -> Void
    ) async throws -> LiveGroup {
        let counters = UpstreamCounters()
        return try await loop.submit {
            var settings = ForwardSettings(upstreams: upstreams)
            adjust(&settings)
            let network = NIONetwork(eventLoop: loop)
            let group = ForwardGroup(settings, network: network, counters: counters)
            return LiveGroup(counters: counters, loop: loop, group: NIOLoopBound(group, eventLoop: loop))
        }.get()
    }

    func ask(_ name: String, over transport: Transport = .udp) async throws -> UpstreamOutcome {
        let promise = loop.makePromise(of: UpstreamOutcome.self)
        loop.execute { group.value.ask(query(name, over: transport)) { promise.succeed($0) } }
        return try await promise.futureResult.get()
    }

    func close() async throws {
        try await loop.submit { group.value.close() }.get()
    }
}
