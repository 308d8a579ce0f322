// Whether traffic is really ours. A table that was committed is an intention: so the node's own look-ups are tried,
// one per address and without the mark that our other probes carry. They reach the worker only if nothing on the
// node sends them elsewhere.

import Timing

extension SupervisorState {
    /// The test in flight, or the time of the next, and what the last ones said.
    struct InterceptionTest: Hashable, Sendable {
        var round: UInt64 = 0
        /// Nil: traffic is not meant to be ours.
        var deadline: Instant?
        var isAsked = false
        var hasPassed = false
        var missed = 0
    }

    /// Why traffic is not known to be ours; nil when it is: then a second agent's predecessor may go.
    package var unreadiness: String? {
        switch phase {
        case .waiting: return "starting"
        case .draining, .stopped: return "leaving"
        case .running: break
        }
        if departure != nil { return "leaving" }
        if accepted == nil { return "the worker starts" }
        if !isProven { return "the worker does not answer" }
        if !isIntercepting { return "the upstream Service is not known: traffic stays with cluster DNS" }
        if !interceptionTest.hasPassed { return "look-ups of this node do not reach this agent" }
        return nil
    }

    /// From now on traffic is meant to be ours, or not any more.
    mutating func expectTraffic(from now: Instant?) {
        interceptionTest = InterceptionTest(round: interceptionTest.round, deadline: now)
        if now == nil { heartbeat = nil }
    }

    /// Asks for a sign of life, if the kernel wants one, and again four times before it counts us as dead.
    mutating func beatHeart(at now: Instant, _ actions: inout [Action]) {
        guard times.deadMan > .zero else { return }
        heartbeat = now + Interval(nanoseconds: times.deadMan.nanoseconds / 4)
        actions.append(.sendHeartbeat)
    }

    mutating func checkInterception(at now: Instant, _ actions: inout [Action]) {
        guard let deadline = interceptionTest.deadline, deadline <= now else { return }
        if interceptionTest.isAsked { interceptionMissed(&actions) }
        interceptionTest.round += 1
        interceptionTest.isAsked = true
        interceptionTest.deadline = now + times.interceptionTestTimeout
        let (round, missed) = (interceptionTest.round, interceptionTest.missed)
        actions.append(.testInterception(round: round, missed: missed))
    }

    private mutating func interceptionMissed(_ actions: inout [Action]) {
        interceptionTest.missed += 1
        // One datagram may be lost, and a worker that is replaced is another matter.
        let isNews = interceptionTest.missed == times.missedInterceptionTests && isProven
        actions.append(.abandonInterceptionTest(tellsWhatIsMissing: isNews))
        guard interceptionTest.missed >= times.missedInterceptionTests else { return }
        interceptionTest.hasPassed = false
        if isNews { actions.append(.reconcileNetwork) }
    }

    mutating func interceptionProved(_ round: UInt64, at now: Instant) {
        guard phase == .running, interceptionTest.isAsked, round == interceptionTest.round else { return }
        interceptionTest.isAsked = false
        interceptionTest.missed = 0
        interceptionTest.hasPassed = true
        interceptionTest.deadline = now + times.interceptionTest
    }
}
