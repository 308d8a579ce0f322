import DNSWire
import Resolution
import TestSupport
import Testing
import Timing
import Upstream

/// A group at work over a scripted network: how questions travel, how long they wait, how they fail.
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

    @Test func aPortThatRefusesFromTheFirstIsGivenUpSoon() {
        let stage = Stage([serverA]) { $0.transport = .tcp }
        stage.network.reachability[serverA] = .failing(.system(111))
        stage.ask("a.example.org")
        stage.elapse(100)
        #expect(stage.results == ["dial tcp 192.0.2.10:53: connect: connection refused"])
        #expect(stage.counters.server(serverA).value(.openedTCP) == 2)
    }

    @Test func aPortThatRefusesLaterIsTriedAFewTimesAndNoMore() {
        let stage = Stage([serverA])
        stage.ask("a.example.org")
        stage.next?.reply()
        stage.network.reachability[serverA] = .failing(.system(111))
        stage.ask("b.example.org")
        stage.elapse(4_500)
        #expect(stage.results.count == 2)
        #expect(stage.results.last?.hasSuffix("connection refused") == true)
        let opened = stage.counters.server(serverA).value(.openedUDP)
        #expect((3...5).contains(opened))
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
        #expect(stage.counters.value(.retries) < ForwardLimits().mostAttempts)
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
}
