import DNSWire
import Resolution
import TestSupport
import Testing
import Timing

@testable import Upstream

/// A forward line whose servers are watched for loops, over a scripted network.
@Suite struct LoopWatchTests {
    private final class Watched {
        let stage: Stage
        let detector = LoopDetector()
        private(set) var events: [LoopWatch.Event] = []

        init(zone: DomainName = .root) {
            stage = Stage([serverA, serverB]) { $0.loopZone = zone }
            LoopWatch.start(on: stage.group, detector: detector) { [weak self] in self?.events.append($0) }
            stage.network.settle()
        }

        /// The names that a server was asked for and has not answered.
        func probes(of server: Int) -> [(name: DomainName, sent: ScriptedLink.Sent)] {
            let endpoint = stage.group.servers[server].endpoint
            return stage.network.unanswered.filter { $0.link.remote == endpoint }.compactMap { sent in
                guard sent.message.suffix(3).first == 13,  // HINFO
                    let name = DomainName(wire: Array(sent.message[12..<(sent.message.count - 4)]))
                else { return nil }
                return (name, sent)
            }
        }

        /// Answers all probes; those of `looping` come back to us first.
        func answer(looping: Set<Int> = []) {
            for server in 0..<2 {
                for probe in probes(of: server) {
                    if looping.contains(server) { comesBack(probe.name) }
                    probe.sent.reply(code: 3)
                }
            }
        }

        func comesBack(_ name: DomainName) {
            let sighting = LoopDetector.Sighting(
                name: name,
                client: serverC,
                server: "dns://:53",
                zone: .root
            )
            _ = detector.note(sighting, of: name)
        }

        var value: (UInt64, UInt64) {
            let counters = stage.counters.server(serverA)
            return (counters.value(.loopFound), counters.value(.loopGone))
        }
    }

    @Test func everyServerIsAskedForANameOfItsOwnBelowTheZone() throws {
        let zone = try #require(DomainName("cluster.local"))
        let watched = Watched(zone: zone)
        let names = [0, 1].flatMap { watched.probes(of: $0).map(\.name) }
        #expect(names.count == 2 && Set(names).count == 2)
        #expect(names.allSatisfy { $0.isWithin(zone) && $0.labels.count == 4 })
    }

    @Test func theOneThatLeadsBackIsTakenOutAndComesBackWhenItDoesNot() {
        let watched = Watched()
        watched.answer(looping: [0])
        #expect(watched.events.count == 1)
        for _ in 0..<4 {
            watched.stage.ask("a.example.org")
            #expect(watched.stage.asked == [serverB])
            watched.stage.next?.reply()
        }
        #expect(watched.value == (1, 0))
        for _ in 0..<3 {
            watched.stage.elapse(2_500)
            watched.answer()
        }
        #expect(watched.events.last == .gone(serverA) && watched.value == (1, 1))
        watched.stage.ask("a.example.org")
        #expect(watched.stage.asked == [serverA])
    }

    @Test func whenAllLeadBackQuestionsFailAtOnce() {
        let watched = Watched()
        watched.answer(looping: [0, 1])
        watched.stage.ask("a.example.org")
        #expect(watched.stage.results.count == 1 && watched.stage.asked.isEmpty)
    }

    @Test func aLoopThatArisesLaterShowsInLateAnswers() {
        let watched = Watched()
        watched.answer()
        watched.stage.elapse(10_000)
        #expect(watched.stage.network.unanswered.isEmpty)
        watched.stage.ask("a.example.org")
        watched.stage.elapse(1_100)
        #expect(watched.probes(of: 0).count == 1)
    }

    @Test func aNameThatComesBackLateStillCounts() {
        let watched = Watched()
        let name = watched.probes(of: 0).first?.name
        watched.stage.elapse(10_000)
        name.map(watched.comesBack)
        #expect(watched.events.count == 1)
    }

    @Test func aGroupThatIsClosedIsWatchedNoMore() {
        let watched = Watched()
        watched.answer(looping: [0])
        watched.stage.group.close()
        watched.stage.elapse(60_000)
        #expect(watched.stage.network.unanswered.isEmpty && watched.value == (1, 1))
    }
}
