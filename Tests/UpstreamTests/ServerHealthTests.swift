import Testing
import Timing
import Upstream

/// When a server is suspect, when it is down, and when it is checked.
@Suite struct ServerHealthTests {
    private func health(maxFails: Int = 2) -> ServerHealth {
        var settings = ForwardSettings(upstreams: [serverA])
        settings.maxFails = maxFails
        return ServerHealth(settings)
    }

    @Test func oneFailureStartsOneCheck() {
        var health = health()
        #expect(health.failed(at: .at(0)) == .check)
        #expect(health.failed(at: .at(1)) == .none)
        let (isSuspect, isDown) = (health.isSuspect, health.isDown)
        #expect(isSuspect && !isDown)
    }

    /// Nothing speaks for it: who starts on a node without a network says so at once.
    @Test func aServerThatWasNeverThereIsDownAtOnce() {
        var health = health()
        #expect(health.failed(isNobodyThere: true, at: .at(0)) == .check)
        let isDown = health.isDown
        #expect(isDown)
        health.succeeded()
        _ = health.failed(isNobodyThere: true, at: .at(1))
        let isDownAgain = health.isDown
        #expect(!isDownAgain)
    }

    @Test func downAfterMoreThanMaxFailsInARow() {
        var health = health()
        _ = health.failed(at: .at(0))
        #expect(health.checkFailed(at: .at(10)) == .checkLater(.at(500)))
        #expect(health.checkIsDue(at: .at(500)) == .check)
        let before = health.isDown
        #expect(!before)
        #expect(health.checkFailed(at: .at(1_100)) == .checkLater(.at(1_100)))
        let after = health.isDown
        #expect(after)
    }

    @Test func aBurstOfFailuresCountsOncePerInterval() {
        var health = health()
        for moment in 0..<100 { _ = health.failed(at: .at(UInt64(moment))) }
        let early = health.isDown
        #expect(!early)
        _ = health.failed(at: .at(500))
        _ = health.failed(at: .at(1_000))
        let late = health.isDown
        #expect(late)
    }

    @Test func slownessIsAReasonForACheckButNoFailure() {
        var health = health(maxFails: 1)
        #expect(health.wasSlow(at: .at(0)) == .check)
        for _ in 0..<10 { #expect(health.wasSlow(at: .at(1)) == .none) }
        let isDown = health.isDown
        #expect(!isDown)
    }

    /// Slow for some and quick for others: no storm of checks.
    @Test func checksKeepTheirDistanceHoweverOftenAServerChanges() {
        var health = health()
        var actions: [ServerHealth.Action] = []
        for moment in 0..<450 as Range<UInt64> {
            actions.append(health.wasSlow(at: .at(moment)))
            health.succeeded()
        }
        #expect(actions.filter { $0 != .none } == [.check, .checkLater(.at(500))])
        #expect(health.checkIsDue(at: .at(500)) == .none)
        #expect(health.wasSlow(at: .at(501)) == .check)
    }

    @Test func anySuccessEndsTheSuspicion() {
        var health = health()
        _ = health.failed(at: .at(0))
        _ = health.checkFailed(at: .at(1))
        health.succeeded()
        let isSuspect = health.isSuspect
        #expect(!isSuspect)
        #expect(health.checkIsDue(at: .at(600)) == .none)
        #expect(health.checkFailed(at: .at(2)) == .none)
    }

    @Test func checksOfADeadServerBackOffToLessThanASecond() {
        var health = health(maxFails: 1)
        _ = health.failed(at: .at(0))
        var pauses: [UInt64] = []
        var now = Instant.at(0)
        for _ in 0..<5 {
            guard case .checkLater(let due) = health.checkFailed(at: now) else { break }
            pauses.append((due.nanoseconds - now.nanoseconds) / 1_000_000)
            now = due
            _ = health.checkIsDue(at: now)
        }
        #expect(pauses == [500, 900, 900, 900, 900])
    }

    @Test func maxFailsZeroMeansNeverCheckedAndNeverDown() {
        var health = health(maxFails: 0)
        for moment in 0..<10 { #expect(health.failed(at: .at(UInt64(moment) * 1_000)) == .none) }
        let (isSuspect, isDown) = (health.isSuspect, health.isDown)
        #expect(!isSuspect && !isDown)
    }
}
