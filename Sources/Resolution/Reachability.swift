// Whether it is worth asking upstream. While every server is known to be down the event loop could only say what the
// packet thread knows already, and a flood of misses would keep both from their work: the thread answers itself, and
// lets a trickle through, because what is broken may be the health checks and not the servers.

import Synchronization
package import Timing

/// What a block's packet threads know of its upstream. The exchange tells, from its event loop; any thread reads.
package final class Reachability: Sendable {
    /// From one question that is asked all the same to the next: soon enough that no pod notices, and seldom, because
    /// on a node of one core a hit waits for every one of them (at 5 ms they took 3.8 % of a core, at 50 ms 1.3 %).
    package static let trialPause = Interval.milliseconds(100)

    private let lost = Atomic<Bool>(false)
    /// Nanoseconds; while all is lost no question is asked before.
    private let nextTrial = Atomic<UInt64>(0)

    /// All is well as long as nobody says otherwise.
    package init() {}

    /// Whether no server is worth asking.
    package var isLost: Bool { lost.load(ordering: .relaxed) }

    /// Tells whether every server is down.
    package func set(isLost: Bool) { lost.store(isLost, ordering: .relaxed) }

    /// Whether a question that came at `now` is to be asked.
    package func admits(at now: Instant) -> Bool {
        guard isLost else { return true }
        let due = nextTrial.load(ordering: .relaxed)
        guard now.nanoseconds >= due else { return false }
        // Of several threads one wins.
        return nextTrial.compareExchange(
            expected: due,
            desired: (now + Self.trialPause).nanoseconds,
            ordering: .relaxed
        ).exchanged
    }
}
