import Testing
import Timing
import Upstream

/// The life of one question: no I/O, no clock.
@Suite struct QueryAttemptsTests {
    private func attempts(
        _ count: Int,
        start: Int = 0,
        _ adjust: (inout ForwardSettings) -> Void = { _ in }
    ) -> QueryAttempts {
        var settings = ForwardSettings(upstreams: Array([serverA, serverB, serverC].prefix(count)))
        settings.policy = .sequential
        adjust(&settings)
        return QueryAttempts(settings, start: start, at: .at(0))
    }

    /// Asks until the question ends; every server is silent. Returns who was asked, and when.
    private func play(
        _ attempts: consuming QueryAttempts,
        health: QueryAttempts.Health = .init(),
        patience: Interval = .milliseconds(100)
    ) -> (asked: [String], end: Instant) {
        var asked: [String] = []
        var now = Instant.at(0)
        while true {
            switch attempts.next(at: now, health: health, random: 0) {
            case .ask(let server):
                asked.append("\(server)@\(now.nanoseconds / 1_000_000)")
                attempts.started(patience: patience, at: now)
            case .wait(let until), .queue(let until): now = until
            case .end: return (asked, now)
            }
        }
    }

    @Test func silenceIsAnsweredElsewhereAndEndsWithTheBudget() {
        let (asked, end) = play(attempts(2))
        #expect(
            asked == [
                "0@0", "1@100", "0@200", "1@400", "0@600", "1@1000", "0@1400", "1@2200", "0@3000",
            ]
        )
        #expect(end == .at(4_500))
    }

    @Test func aSingleServerIsAskedWithGrowingPauses() {
        let (asked, end) = play(attempts(1))
        #expect(
            asked == [
                "0@0", "0@100", "0@300", "0@700", "0@1500", "0@3100",
            ]
        )
        #expect(end == .at(4_500))
    }

    @Test func attemptsAreBoundedHoweverManyServersThereAre() {
        let (asked, _) = play(attempts(3) { $0.limits.mostAttempts = 5 }, patience: .milliseconds(1))
        #expect(asked.count == 5)
        let (few, _) = play(attempts(3) { $0.maxConnectAttempts = 1 })
        #expect(few == ["0@0"])
    }

    @Test func serversThatAreDownAreLeftOutAndSuspectsComeLast() {
        var down = ServerSet.none
        down.insert(0)
        #expect(play(attempts(2), health: .init(down: down, suspect: down)).asked.first == "1@0")
        #expect(play(attempts(2), health: .init(suspect: down)).asked.prefix(2) == ["1@0", "0@100"])
    }

    @Test func whenAllAreDownOneIsTriedForAShortTime() {
        let all = QueryAttempts.Health(down: .first(2), suspect: .first(2))
        let (asked, end) = play(attempts(2), health: all)
        #expect(asked.count == 1)
        #expect(end == .at(90))
    }

    @Test func aPauseIsPartOfTheShortTime() {
        let all = QueryAttempts.Health(down: .first(1), suspect: .first(1))
        var attempts = attempts(1)
        #expect(attempts.next(at: .at(0), health: .init(), random: 0) == .ask(server: 0))
        attempts.started(patience: .milliseconds(500), at: .at(0))
        attempts.failed(at: .at(1), health: all)
        #expect(attempts.next(at: .at(1), health: all, random: 0) == .wait(until: .at(51)))
        #expect(attempts.next(at: .at(51), health: all, random: 0) == .ask(server: 0))
        attempts.started(patience: .milliseconds(500), at: .at(51))
        attempts.failed(at: .at(52), health: all)
        #expect(attempts.next(at: .at(52), health: all, random: 0) == .wait(until: .at(91)))
        #expect(attempts.next(at: .at(91), health: all, random: 0) == .end)
    }

    @Test func failfastEndsAtOnceWhenAllAreDown() {
        let all = QueryAttempts.Health(down: .first(2), suspect: .first(2))
        let (asked, end) = play(attempts(2) { $0.failsFast = true }, health: all)
        #expect(asked.isEmpty)
        #expect(end == .at(0))
    }

    @Test func withoutServersTheQuestionEndsAtOnce() {
        #expect(play(attempts(0)).asked.isEmpty)
    }

    @Test func roundRobinStartsAtTheChosenOneAndGoesOnInTheOrderOfTheFile() {
        let (asked, _) = play(attempts(3, start: 1) { $0.policy = .roundRobin })
        #expect(asked.prefix(3) == ["1@0", "0@100", "2@200"])
    }

    @Test func randomTakesTheServerThatTheDiceShow() {
        var attempts = attempts(3) { $0.policy = .random }
        #expect(attempts.next(at: .at(0), health: .init(), random: 5) == .ask(server: 2))
        attempts.started(patience: .zero, at: .at(0))
        #expect(attempts.next(at: .at(0), health: .init(), random: 5) == .ask(server: 1))
    }

    @Test func aFailureGoesElsewhereAtOnceAndBackOnlyAfterAPause() {
        var attempts = attempts(2)
        #expect(attempts.next(at: .at(0), health: .init(), random: 0) == .ask(server: 0))
        attempts.started(patience: .milliseconds(500), at: .at(0))
        attempts.failed(at: .at(1), health: .init())
        #expect(attempts.next(at: .at(1), health: .init(), random: 0) == .ask(server: 1))
        attempts.started(patience: .milliseconds(500), at: .at(1))
        attempts.failed(at: .at(2), health: .init())
        #expect(attempts.next(at: .at(2), health: .init(), random: 0) == .wait(until: .at(52)))
        #expect(attempts.next(at: .at(52), health: .init(), random: 0) == .ask(server: 0))
    }

    @Test func fewFailuresEndAQuestionAndSilenceIsNone() {
        var attempts = attempts(1)
        var now = Instant.at(0)
        for _ in 0..<2 {
            #expect(attempts.next(at: now, health: .init(), random: 0) == .ask(server: 0))
            attempts.started(patience: .milliseconds(50), at: now)
            now = now + .milliseconds(100)
            attempts.fellSilent(at: now, health: .init())
        }
        for _ in 0..<4 {
            #expect(attempts.next(at: now, health: .init(), random: 0) == .ask(server: 0))
            attempts.started(patience: .milliseconds(50), at: now)
            attempts.failed(at: now, health: .init())
            if case .wait(let until) = attempts.next(at: now, health: .init(), random: 0) { now = until }
        }
        #expect(attempts.next(at: now, health: .init(), random: 0) == .end)
    }

    @Test func aLostReusedConnectionCostsNoAttemptButNotForEver() {
        var attempts = attempts(1)
        for _ in 0..<3 {
            #expect(
                attempts.next(at: .at(0), health: .init(), random: 0) == .ask(server: 0)
            )
            attempts.started(patience: .milliseconds(500), at: .at(0))
            attempts.lostReused(server: 0, at: .at(0), health: .init())
        }
        #expect(attempts.made == 1)
        #expect(attempts.next(at: .at(0), health: .init(), random: 0) == .wait(until: .at(50)))
    }

    @Test func failoverAsksEveryServerOnceAndThenEnds() {
        var attempts = attempts(2)
        for server in 0..<2 {
            #expect(
                attempts.next(at: .at(0), health: .init(), random: 0)
                    == .ask(server: server)
            )
            attempts.started(patience: .milliseconds(500), at: .at(0))
            attempts.refused(by: server, at: .at(0))
        }
        #expect(attempts.next(at: .at(0), health: .init(), random: 0) == .end)
    }
}
