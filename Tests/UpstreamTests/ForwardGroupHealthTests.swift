import DNSWire
import Resolution
import TestSupport
import Testing
import Timing
import Upstream

/// A group at work over a scripted network: health, checks, response codes and limits.
@Suite struct ForwardGroupHealthTests {
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

    @Test func whenAllAreDownAQuestionEndsWithinAHundredMilliseconds() {
        let stage = Stage([serverA, serverB]) { $0.transport = .tcp }
        for server in [serverA, serverB] { stage.network.reachability[server] = .silent }
        stage.ask("a.example.org")
        stage.elapse(6_000)
        let before = stage.results.count
        stage.ask("b.example.org")
        stage.elapse(100)
        #expect(stage.results.count == before + 1)
    }

    @Test func packetThreadsAreToldThatAllAreDownAndWhenOneIsBack() {
        let reachability = Reachability()
        let stage = Stage([serverA, serverB]) { $0.transport = .tcp }
        stage.group.report(to: reachability)
        for server in [serverA, serverB] { stage.network.reachability[server] = .silent }
        stage.ask("a.example.org")
        stage.elapse(1_000)
        #expect(!reachability.isLost, "nobody knows yet")
        stage.elapse(5_000)
        #expect(reachability.isLost)
        let next = Reachability()
        stage.group.report(to: next)
        #expect(next.isLost && !reachability.isLost, "after a reload another block asks")
        stage.network.reachability[serverB] = .open
        stage.elapse(1_000)
        stage.network.unanswered.first { $0.link.remote == serverB }?.reply()
        #expect(!next.isLost)
    }

    @Test func aServersReturnIsNoticedWithinASecond() {
        for delay in stride(from: 0 as UInt64, to: 1_000, by: 90) {
            let stage = Stage([serverA]) { $0.transport = .tcp }
            stage.network.reachability[serverA] = .silent
            stage.ask("a.example.org")
            stage.elapse(6_000 + delay)
            stage.network.reachability[serverA] = .open
            stage.elapse(1_000)
            for check in stage.network.unanswered { check.reply() }
            stage.ask("b.example.org")
            #expect(stage.next?.link.remote == serverA)
            stage.next?.reply()
            #expect(stage.results.last == "NOERROR 192.0.2.10:53")
        }
    }

    /// A port that refuses: thousands of questions make a few attempts, and end at once.
    @Test func aDeadServerIsNotStormed() {
        let stage = Stage([serverA]) { $0.transport = .tcp }
        stage.network.reachability[serverA] = .failing(.system(111))
        for _ in 0..<500 {
            for _ in 0..<10 { stage.ask("a.example.org") }
            stage.elapse(20)
        }
        stage.elapse(5_000)
        #expect(stage.results.count == 5_000)
        // Ten seconds: two attempts a second and the checks, give or take the first second's.
        #expect(stage.network.links.count < 60)
        #expect(stage.counters.server(serverA).value(.openedTCP) < 40)
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

    /// SERVFAIL and REFUSED.
    @Test(arguments: [2, 5] as [UInt8])
    func anErrorOfAServerIsTriedOnAnotherOneInTheSameQuestion(_ code: UInt8) {
        let stage = Stage([serverA, serverB])
        stage.ask("a.example.org")
        stage.next?.reply(code: code)
        #expect(stage.asked == [serverB])
        stage.next?.reply()
        #expect(stage.results == ["NOERROR 192.0.2.11:53"])
    }

    @Test func anErrorOfTheOnlyServerIsPassedOnAtOnce() {
        let stage = Stage([serverA])
        stage.ask("a.example.org")
        stage.next?.reply(code: 2)
        stage.network.settle()
        #expect(stage.results == ["SERVFAIL 192.0.2.10:53"])
    }

    @Test func anErrorIsPassedOnWhenTheOtherServerIsSilent() {
        let stage = Stage([serverA, serverB])
        stage.ask("a.example.org")
        stage.next?.reply(code: 2)
        stage.elapse(1_999)
        #expect(stage.results.isEmpty)
        stage.elapse(1)
        #expect(stage.results == ["SERVFAIL 192.0.2.10:53"])
    }

    @Test func aNameThatDoesNotExistIsFinal() {
        let stage = Stage([serverA, serverB])
        stage.ask("a.example.org")
        stage.next?.reply(code: 3)
        #expect(stage.results == ["NXDOMAIN 192.0.2.10:53"])
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
}
