import DNSWire
import Resolution
import TestSupport
import Testing
import Timing
import Upstream

/// A group at work over a scripted network: its connections, and its end.
@Suite struct ForwardGroupPoolTests {
    @Test func questionsShareAConnection() {
        let stage = Stage([serverA]) { $0.transport = .tcp }
        for _ in 0..<10 { stage.ask("a.example.org") }
        #expect(stage.network.links.count == 1)
        for sent in stage.network.unanswered.reversed() { sent.reply() }
        #expect(stage.results.count == 10)
        #expect(stage.counters.server(serverA).value(.reusedTCP) == 9)
    }

    @Test func aThousandQuestionsTakeAtMostFourConnections() {
        let stage = Stage([serverA]) { $0.transport = .tcp }
        for _ in 0..<1_000 { stage.ask("a.example.org") }
        #expect(stage.network.links.count == 4)
        #expect(stage.network.unanswered.count == 1_000)
    }

    @Test func whatAServerHasNoRoomForWaitsHereAndIsAskedOnce() {
        let stage = Stage([serverA]) {
            $0.transport = .tcp
            $0.limits.depth = 100
        }
        for number in 0..<1_000 { stage.ask("n\(number).example.org") }
        #expect(stage.network.unanswered.count == 400)
        #expect(stage.counters.value(.queued) == 600)
        // In four seconds the server answers everything, one after the other.
        var answered = 0
        while let next = stage.next, answered < 1_000 {
            next.reply()
            answered += 1
            if answered.isMultiple(of: 10) { stage.elapse(40) }
        }
        #expect(stage.results.count == 1_000)
        #expect(stage.results.allSatisfy { $0.hasPrefix("NOERROR") })
        #expect(stage.counters.value(.retries) == 0)
        #expect(stage.network.links.count { $0.transport == .tcp } == 4)
    }

    @Test func whatThereIsNoSocketForIsAskedAsSoonAsOneIsFree() {
        let stage = Stage([serverA]) { $0.limits.datagrams = 100 }
        for number in 0..<1_000 { stage.ask("n\(number).example.org") }
        #expect(stage.network.openLinks.count == 100)
        while let next = stage.next {
            next.reply()
            stage.network.settle()
        }
        #expect(stage.results.count == 1_000)
        #expect(stage.counters.value(.retries) == 0)
        #expect(stage.network.openLinks.isEmpty)
    }

    @Test func unusedConnectionsAreNoMoreThanMaxIdleConns() {
        let stage = Stage([serverA]) {
            $0.transport = .tcp
            $0.maxIdleConnections = 1
        }
        for _ in 0..<100 { stage.ask("a.example.org") }
        #expect(stage.network.openLinks.count == 4)
        while let next = stage.next { next.reply() }
        #expect(stage.results.count == 100)
        #expect(stage.network.openLinks.count == 1)
    }

    @Test func theEndOfAReusedConnectionIsRetriedAtOnceOnAFreshOne() {
        let stage = Stage([serverA]) { $0.transport = .tcp }
        stage.ask("a.example.org")
        stage.next?.reply()
        stage.ask("b.example.org")
        stage.network.links[0].fail(LinkFailure(.read, .system(104)))
        stage.network.settle()
        #expect(stage.network.links.count == 2)
        stage.next?.reply()
        #expect(stage.results.count == 2)
        #expect(stage.counters.value(.retries) == 0)
    }

    @Test func aConnectionThatOwesAnAnswerTakesNoOther() {
        let stage = Stage([serverA]) {
            $0.transport = .tcp
            $0.maxFails = 0
        }
        stage.ask("slow.example.org")
        stage.elapse(500)
        stage.ask("next.example.org")
        #expect(stage.network.unanswered.map(\.link.number) == [0, 1, 1])
    }

    @Test func idleConnectionsEndWithinASecondOfExpire() {
        let stage = Stage([serverA]) { $0.transport = .tcp }
        stage.ask("a.example.org")
        stage.next?.reply()
        stage.elapse(9_900)
        #expect(stage.network.openLinks.count == 1)
        stage.elapse(1_000)
        #expect(stage.network.openLinks.isEmpty)
    }

    @Test func aBusyConnectionIsReplacedWhenItIsOld() {
        let stage = Stage([serverA]) { $0.transport = .tcp }
        for _ in 0..<80 {
            stage.ask("a.example.org")
            stage.next?.reply()
            stage.elapse(1_000)
        }
        #expect(stage.network.links.count == 2)
    }

    /// Connections that were opened together do not end together; none outlives `max_age` by more than a sweep.
    @Test func endsOfConnectionsAreSpread() {
        let stage = Stage([serverA]) { $0.transport = .tcp }
        stage.network.dice = [9_000_000_000, 1_000_000_000, 5_000_000_000, 3_000_000_000].flatMap { age in
            // For each connection: its age, then the ids of sixteen questions.
            [age] + (0..<16).map { UInt64($0) }
        }
        for _ in 0..<64 { stage.ask("a.example.org") }
        var ends: [Int] = []
        for second in 1...62 {
            while let next = stage.next { next.reply() }
            stage.elapse(1_000)
            ends += Array(
                repeating: second,
                count: 4 - ends.count - stage.network.links.prefix(4).count { !$0.isClosed }
            )
            for _ in 0..<64 { stage.ask("a.example.org") }
        }
        #expect(ends == [51, 53, 55, 59])
    }

    // MARK: Close

    @Test func closingLetsQuestionsEndAndThenClosesConnections() {
        let stage = Stage([serverA]) { $0.transport = .tcp }
        stage.ask("a.example.org")
        stage.group.close()
        #expect(stage.network.openLinks.count == 1)
        stage.next?.reply()
        #expect(stage.results == ["NOERROR 192.0.2.10:53"])
        #expect(stage.network.openLinks.isEmpty)
    }

    @Test func aClosedGroupIsForgotten() {
        weak var group: ForwardGroup?
        do {
            let stage = Stage([serverA, serverB]) { $0.transport = .tcp }
            group = stage.group
            for _ in 0..<3 { stage.ask("a.example.org") }
            stage.elapse(700)
            stage.group.close()
            stage.elapse(10_000)
            #expect(stage.results.count == 3)
        }
        #expect(group == nil)
    }
}
