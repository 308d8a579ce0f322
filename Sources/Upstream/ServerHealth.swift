// Whether a server is worth asking. Real traffic tells first; active checks run only after something went
// wrong, one at a time, until one succeeds. A pure state machine: `ForwardGroup` sends the checks.

package import Timing

/// The health of one server of a group.
package struct ServerHealth: ~Copyable {
    private enum State {
        case sound
        case suspect(Suspicion)
    }

    private struct Suspicion {
        /// Failures in a row.
        var fails = 0
        /// A burst of failing questions counts once per interval, like a check.
        var nextCount: Instant
        var isChecking = false
        /// How many checks in a row have failed; for the back-off.
        var failedChecks = 0
    }

    private var state = State.sound
    /// Whether it has ever answered: only then is it likely to come back soon.
    private var hasAnswered = false
    private let maxFails: Int
    private let interval: Interval
    private let longestPause: Interval
    /// When the last check began: the next one is due by that, not by when it failed, and never sooner than the
    /// interval, however often the server changes between slow and quick.
    private var checkBegan: Instant?
    private var nextCheck: Instant?
    /// The back-off: questions leave the server alone until then.
    private var resumes = Instant(nanoseconds: 0)
    /// Pauses in a row, each twice as long as the one before.
    private var pauses = 0
    private let pause: Interval
    private let longestBackOff: Interval

    /// A server about which nothing bad is known.
    package init(_ settings: ForwardSettings) {
        maxFails = settings.maxFails
        interval = max(settings.healthCheck.interval, settings.limits.shortestProbePause)
        longestPause = settings.limits.longestProbePause
        pause = settings.limits.pause
        longestBackOff = settings.limits.longestBackOff
    }

    /// What the owner does about checks.
    package enum Action: Sendable, Hashable {
        case none
        /// Send a check now; report with `checkFailed` or `succeeded`.
        case check
        /// Call `checkIsDue` at this instant.
        case checkLater(Instant)
    }
}

// MARK: - Questions

extension ServerHealth {
    /// More than `max_fails` failures in a row, or nobody there from the first: not asked while another server is
    /// left.
    package var isDown: Bool {
        guard case .suspect(let suspicion) = state else { return false }
        return suspicion.fails > maxFails
    }

    /// Something went wrong and nothing has succeeded since: asked after the others.
    package var isSuspect: Bool {
        if case .suspect = state { true } else { false }
    }

    /// When questions may be sent again after a failure; nil when they may be sent now.
    package func isPaused(at now: Instant) -> Instant? { now < resumes ? resumes : nil }
}

// MARK: - What happened

extension ServerHealth {
    /// The server answered a question or a check, with any code.
    package mutating func succeeded() {
        hasAnswered = true
        state = .sound
        resumes = Instant(nanoseconds: 0)
        pauses = 0
    }

    /// The server was slow, which is no failure but worth a check.
    package mutating func wasSlow(at now: Instant) -> Action {
        guard maxFails > 0, case .sound = state else { return .none }
        state = .suspect(Suspicion(nextCount: now))
        guard let checkBegan, now < checkBegan + interval else { return beginCheck(at: now) }
        return checkLater(at: checkBegan + interval)
    }

    /// A question was refused, reset or answered with rubbish, which the next one would be as well: questions
    /// pause. A burst of failures makes one pause.
    package mutating func backOff(at now: Instant) {
        guard now >= resumes else { return }
        resumes = now + min(pause * (1 << UInt64(min(pauses, 8))), longestBackOff)
        pauses += 1
    }

    /// A question failed, or was not answered for the rest of its life; `isNobodyThere`: the network said so.
    package mutating func failed(isNobodyThere: Bool = false, at now: Instant) -> Action {
        guard maxFails > 0 else { return .none }
        let action = wasSlow(at: now)
        guard case .suspect(var suspicion) = state, now >= suspicion.nextCount else { return action }
        if isNobodyThere, !hasAnswered { suspicion.fails = max(suspicion.fails, maxFails) }
        suspicion.fails += 1
        suspicion.nextCount = now + interval
        state = .suspect(suspicion)
        return action
    }

    /// The check that was under way failed.
    package mutating func checkFailed(at now: Instant) -> Action {
        guard case .suspect(var suspicion) = state, suspicion.isChecking else { return .none }
        suspicion.fails += 1
        suspicion.nextCount = now + interval
        suspicion.isChecking = false
        suspicion.failedChecks += 1
        let doublings = UInt64(min(max(suspicion.failedChecks - maxFails, 0), 8))
        let rhythm = max(min(interval * (1 << doublings), longestPause), interval)
        state = .suspect(suspicion)
        return checkLater(at: max(now, (checkBegan ?? now) + rhythm))
    }

    /// The pause after a failed check is over.
    package mutating func checkIsDue(at now: Instant) -> Action {
        guard nextCheck.map({ $0 <= now }) == true else { return .none }
        nextCheck = nil
        return beginCheck(at: now)
    }

    private mutating func checkLater(at due: Instant) -> Action {
        guard nextCheck != due else { return .none }
        nextCheck = due
        return .checkLater(due)
    }

    private mutating func beginCheck(at now: Instant) -> Action {
        guard case .suspect(var suspicion) = state, !suspicion.isChecking else { return .none }
        suspicion.isChecking = true
        checkBegan = now
        state = .suspect(suspicion)
        return .check
    }
}
