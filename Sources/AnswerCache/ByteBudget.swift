// One bound on the memory of all caches of the process, counted in octets, not entries: an answer may be
// forty octets or sixty thousand.

import Synchronization

/// Octets that answers may take, and those they do take.
package final class ByteBudget: Sendable {
    private let taken = Atomic<Int>(0)
    private let bound: Atomic<Int>

    /// `limit` in octets.
    package init(limit: Int) { bound = Atomic(limit) }

    package var limit: Int { bound.load(ordering: .relaxed) }

    /// Another limit from now on. What is above a lower one goes as new answers come.
    package func change(limit: Int) { bound.store(limit, ordering: .relaxed) }

    package var used: Int { taken.load(ordering: .relaxed) }

    /// Takes `octets` if there is room; in one step, else threads that insert at once would pass the bound
    /// together.
    func take(_ octets: Int) -> Bool {
        var used = self.used
        while used + octets <= limit {
            let (isDone, current) = taken.weakCompareExchange(
                expected: used,
                desired: used + octets,
                ordering: .relaxed
            )
            if isDone { return true }
            used = current
        }
        return false
    }

    func giveBack(_ octets: Int) { taken.wrappingSubtract(octets, ordering: .relaxed) }
}
