import DNSWire
import Resolution
import TestSupport
import Testing
import Timing
import Upstream

/// A group at work over a scripted network: one scenario for each behaviour.
@Suite struct ForwardGroupTests {
    // MARK: Transport

    /// The client's transport, the setting, and what the first attempt uses.
    @Test(arguments: [
        (Transport.udp, ForwardSettings.TransportChoice.client, Transport.udp),
        (.tcp, .client, .tcp),
        (.udp, .tcp, .tcp),
        (.tcp, .udpFirst, .udp),
    ])
    func theTransportFollowsClientAndSettings(
        _ row: (client: Transport, choice: ForwardSettings.TransportChoice, used: Transport)
    ) {
        let stage = Stage([serverA]) { $0.transport = row.choice }
        stage.ask("a.example.org", over: row.client)
        #expect(stage.next?.link.transport == row.used)
    }

    @Test func anAnswerIsPassedOnWithItsServer() {
        let stage = Stage([serverA])
        stage.ask("a.example.org")
        stage.next?.reply(code: 3)
        #expect(stage.results == ["NXDOMAIN 192.0.2.10:53"])
        #expect(stage.network.openLinks.isEmpty)
    }

    @Test func everyDatagramHasItsOwnSocketAndID() {
        let stage = Stage([serverA])
        for _ in 0..<3 { stage.ask("a.example.org") }
        #expect(Set(stage.network.unanswered.map(\.id)).count == 3)
        #expect(stage.network.openLinks.count == 3)
    }

    @Test func preferUDPRepeatsATruncatedAnswerOverTCP() {
        let stage = Stage([serverA]) { $0.transport = .udpFirst }
        stage.ask("a.example.org")
        stage.next?.reply(flags: 0x8380)  // TC
        stage.network.settle()
        #expect(stage.next?.link.transport == .tcp)
        stage.next?.reply()
        #expect(stage.results == ["NOERROR 192.0.2.10:53"])
    }

    @Test func otherwiseATruncatedAnswerIsTheClientsMatter() {
        let stage = Stage([serverA])
        stage.ask("a.example.org")
        stage.next?.reply(flags: 0x8380)
        #expect(stage.results == ["NOERROR 192.0.2.10:53"])
    }

    // MARK: Time

    @Test func aSilentServerIsJoinedByAnotherAndTheFirstAnswerWins() {
        let stage = Stage([serverA, serverB])
        stage.ask("a.example.org")
        stage.elapse(499)
        #expect(stage.asked == [serverA])
        stage.elapse(1)
        #expect(stage.asked == [serverA, serverA, serverB])  // the second one is a health check
        stage.network.unanswered.last?.reply()
        #expect(stage.results == ["NOERROR 192.0.2.11:53"])
        #expect(stage.counters.value(.retries) == 1)
        #expect(stage.counters.server(serverA).value(.timeout) == 1)
    }

    @Test func aLateAnswerOfTheFirstServerStillCounts() {
        let stage = Stage([serverA, serverB])
        stage.ask("a.example.org", over: .tcp)
        stage.elapse(600)
        stage.next?.reply()
        #expect(stage.results == ["NOERROR 192.0.2.10:53"])
    }

    @Test func silenceEndsWithTheBudgetInNodeCachesWords() {
        let stage = Stage([serverA])
        stage.ask("a.example.org")
        stage.elapse(4_499)
        #expect(stage.results.isEmpty)
        stage.elapse(1)
        #expect(stage.results.count == 1)
        #expect(stage.results[0].hasPrefix("read udp 192.0.2.1:4"))
        #expect(stage.results[0].hasSuffix("->192.0.2.10:53: i/o timeout"))
    }

    @Test func aFastServerIsGivenUpSooner() {
        let stage = Stage([serverA, serverB])
        for _ in 0..<20 {
            stage.ask("a.example.org")
            stage.elapse(2)
            stage.next?.reply()
        }
        stage.ask("b.example.org")
        stage.elapse(50)
        #expect(stage.asked.contains(serverB))
    }

    @Test func aBlackHoledDialEndsWithItsOwnWords() {
        let stage = Stage([serverA]) { $0.transport = .tcp }
        stage.network.reachability[serverA] = .silent
        stage.ask("a.example.org")
        stage.elapse(4_500)
        #expect(stage.results == ["dial tcp 192.0.2.10:53: i/o timeout"])
    }

    // MARK: Failure

    @Test func aRefusedPortIsTriedAFewTimesAndNoMore() {
        let stage = Stage([serverA]) { $0.transport = .tcp }
        stage.network.reachability[serverA] = .failing(.system(111))
        stage.ask("a.example.org")
        stage.elapse(4_500)
        #expect(stage.results == ["dial tcp 192.0.2.10:53: connect: connection refused"])
        #expect(stage.counters.server(serverA).value(.openedTCP) <= 4)
    }

    @Test func aRefusedServerIsLeftForTheOther() {
        let stage = Stage([serverA, serverB])
        stage.network.reachability[serverA] = .failing(.system(111))
        stage.ask("a.example.org")
        #expect(stage.asked == [serverB])
        stage.next?.reply()
        #expect(stage.results == ["NOERROR 192.0.2.11:53"])
    }

    @Test func aWrongDatagramIsNotTheAnswerAndTheRightOneStillCounts() {
        let stage = Stage([serverA])
        stage.ask("a.example.org")
        guard let sent = stage.next else { return }
        sent.reply(id: sent.id &+ 1)
        sent.reply(question: [1, 0x62, 0, 0, 1, 0, 1])
        #expect(stage.results.isEmpty)
        sent.reply()
        #expect(stage.results == ["NOERROR 192.0.2.10:53"])
        #expect(stage.counters.value(.unwantedReplies) == 2)
    }

    @Test func nothingButWrongDatagramsIsAFailure() {
        let stage = Stage([serverA])
        stage.ask("a.example.org")
        stage.next?.reply(question: [1, 0x62, 0, 0, 1, 0, 1])
        stage.elapse(4_500)
        #expect(stage.results.count == 1)
        #expect(stage.counters.value(.retries) <= 3)
    }

    @Test func aWrongAnswerOverTCPGoesElsewhereAndEndsTheConnection() {
        let stage = Stage([serverA, serverB]) { $0.transport = .tcp }
        stage.ask("a.example.org")
        stage.next?.reply(question: [1, 0x62, 0, 0, 1, 0, 1])
        stage.network.settle()
        let forward = stage.network.unanswered.filter { $0.message.count > 17 }
        #expect(forward.map(\.link.remote) == [serverB])
        #expect(stage.network.links[0].isClosed)
    }

    @Test func aBareRefusalIsPassedOnWithTheQuestion() {
        let stage = Stage([serverA])
        stage.ask("a.example.org")
        guard let sent = stage.next else { return }
        sent.link.deliver(Array(sent.message[0..<2]) + [0x80, 0x05, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(stage.results == ["REFUSED 192.0.2.10:53"])
    }

    // MARK: Connections

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

    // MARK: Health

    @Test func aServerThatIsDownIsAskedOnlyByChecksUntilOneSucceeds() {
        let stage = Stage([serverA, serverB])
        stage.network.reachability[serverA] = .failing(.system(111))
        stage.ask("a.example.org")
        stage.next?.reply()
        stage.elapse(3_000)
        #expect(stage.counters.server(serverA).value(.failedCheck) >= 3)
        stage.ask("b.example.org")
        #expect(stage.asked == [serverB])
        stage.network.reachability[serverA] = .open
        stage.elapse(1_000)
        let check = stage.network.unanswered.first { $0.link.remote == serverA }
        // RD, one question: the root's name servers.
        #expect(check?.message[2...] == [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1])
        check?.reply(code: 2)
        stage.ask("c.example.org")
        #expect(stage.asked.last == serverA)
    }

    @Test func checksAskWhatTheCorefileSays() {
        let stage = Stage([serverA]) {
            $0.transport = .tcp
            $0.healthCheck.recursionDesired = false
            $0.healthCheck.domain = DomainName("org") ?? .root
        }
        stage.ask("a.example.org")
        stage.elapse(500)
        // The question, its check on a connection of its own, the question again.
        let check = stage.network.unanswered.dropFirst().first
        #expect(check?.link.transport == .tcp)
        // No RD; `org.` NS IN.
        let expected: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0x6f, 0x72, 0x67, 0, 0, 2, 0, 1]
        #expect(check?.message.dropFirst(2).elementsEqual(expected) == true)
    }

    @Test func socketsThatWaitAreBounded() {
        let stage = Stage([serverA]) {
            $0.limits.datagrams = 2
            $0.maxFails = 0
        }
        for _ in 0..<3 { stage.ask("a.example.org") }
        #expect(stage.network.openLinks.count == 2)
        stage.elapse(4_500)
        #expect(stage.results.count == 3)
        #expect(stage.results.contains("too many queries under way to 192.0.2.10:53"))
        #expect(stage.network.openLinks.isEmpty)
        stage.ask("b.example.org")
        #expect(stage.network.openLinks.count == 1)
    }

    @Test func whenAllAreDownOneIsStillTriedAndItIsCounted() {
        let stage = Stage([serverA])
        stage.network.reachability[serverA] = .failing(.system(111))
        stage.ask("a.example.org")
        stage.elapse(5_000)
        stage.ask("b.example.org")
        stage.elapse(1_000)
        #expect(stage.results.last?.hasSuffix("read: connection refused") == true)
        #expect(stage.counters.value(.healthCheckBroken) >= 1)
    }

    @Test func failfastSaysNoHealthyProxies() {
        let stage = Stage([serverA]) { $0.failsFast = true }
        stage.network.reachability[serverA] = .failing(.system(111))
        stage.ask("a.example.org")
        stage.elapse(5_000)
        stage.ask("b.example.org")
        #expect(stage.results.last == "no healthy proxies")
    }

    // MARK: Codes and limits

    @Test func failoverTriesTheOthersAndReturnsTheLastReply() {
        let stage = Stage([serverA, serverB]) { $0.failover = [.serverFailure, .refused] }
        stage.ask("a.example.org")
        stage.next?.reply(code: 2)
        stage.network.settle()
        stage.next?.reply(code: 5)
        #expect(stage.results == ["REFUSED 192.0.2.11:53"])
    }

    @Test func withoutFailoverAServersErrorIsPassedOn() {
        let stage = Stage([serverA, serverB])
        stage.ask("a.example.org")
        stage.next?.reply(code: 2)
        #expect(stage.results == ["SERVFAIL 192.0.2.10:53"])
    }

    @Test func maxConcurrentIsRefusedInNodeCachesWords() {
        let stage = Stage([serverA]) { $0.maxConcurrent = 1 }
        stage.ask("a.example.org")
        stage.ask("b.example.org")
        #expect(stage.results == ["concurrent queries exceeded maximum 1"])
        stage.next?.reply()
        stage.ask("c.example.org")
        #expect(stage.results.count == 2)
        #expect(stage.counters.value(.tooManyQuestions) == 1)
    }

    @Test func noOutcomeArrivesBeforeAskHasReturned() {
        let stage = Stage([])
        var outcomes = 0
        stage.group.ask(query("a.example.org")) { _ in outcomes += 1 }
        #expect(outcomes == 0)
        stage.network.settle()
        #expect(outcomes == 1)
    }

    @Test func roundRobinStartsWithTheSecondServer() {
        let stage = Stage([serverA, serverB, serverC]) { $0.policy = .roundRobin }
        for _ in 0..<4 { stage.ask("a.example.org") }
        #expect(stage.asked == [serverB, serverC, serverA, serverB])
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
