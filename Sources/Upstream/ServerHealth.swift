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
    private let maxFails: Int
    private let interval: Interval
    private let longestPause: Interval

    /// A server about which nothing bad is known.
    package init(_ settings: ForwardSettings) {
        maxFails = settings.maxFails
        interval = max(settings.healthCheck.interval, settings.limits.shortestProbePause)
        longestPause = settings.limits.longestProbePause
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
    /// More than `max_fails` failures in a row: not asked while another server is left.
    package var isDown: Bool {
        guard case .suspect(let suspicion) = state else { return false }
        return suspicion.fails > maxFails
    }

    /// Something went wrong and nothing has succeeded since: asked after the others.
    package var isSuspect: Bool {
        if case .suspect = state { true } else { false }
    }
}

// MARK: - What happened

extension ServerHealth {
    /// The server answered a question or a check, with any code.
    package mutating func succeeded() {
        state = .sound
    }

    /// The server was slow, which is no failure but worth a check.
    package mutating func wasSlow(at now: Instant) -> Action {
        guard maxFails > 0, case .sound = state else { return .none }
        state = .suspect(Suspicion(nextCount: now, isChecking: true))
        return .check
    }

    /// A question failed: refused, reset, silent for the rest of its life, or answered with rubbish.
    package mutating func failed(at now: Instant) -> Action {
        guard maxFails > 0 else { return .none }
        let action = wasSlow(at: now)
        guard case .suspect(var suspicion) = state, now >= suspicion.nextCount else { return action }
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
        state = .suspect(suspicion)
        return .checkLater(now + max(min(interval * (1 << doublings), longestPause), interval))
    }

    /// The pause after a failed check is over.
    package mutating func checkIsDue() -> Action {
        guard case .suspect(var suspicion) = state, !suspicion.isChecking else { return .none }
        suspicion.isChecking = true
        state = .suspect(suspicion)
        return .check
    }
}
