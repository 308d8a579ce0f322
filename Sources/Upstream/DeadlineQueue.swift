// What is due when: a binary heap over an array. Entries are never searched and taken out; whoever is
// finished says so when the queue asks (`dropSettled`), which costs less than keeping places up to date.

package import Timing

/// Things with a deadline each, the earliest first.
package struct DeadlineQueue<Thing> {
    private var entries: [(due: Instant, thing: Thing)] = []

    /// An empty queue.
    package init() {}

    /// When the earliest thing is due; nil when there is none.
    package var earliest: Instant? { entries.first?.due }

    /// Things that wait, settled ones included.
    package var count: Int { entries.count }

    /// Puts a thing in.
    package mutating func add(_ thing: Thing, due: Instant) {
        entries.append((due, thing))
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].due < entries[parent].due else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes out the earliest thing if it is due.
    package mutating func takeDue(at now: Instant) -> Thing? {
        guard let first = entries.first, first.due <= now else { return nil }
        return takeFirst()
    }

    /// Forgets things from the front as long as they are settled, so that `earliest` is worth waking up for.
    package mutating func dropSettled(_ isSettled: (Thing) -> Bool) {
        while let first = entries.first, isSettled(first.thing) { _ = takeFirst() }
    }

    private mutating func takeFirst() -> Thing? {
        guard let last = entries.popLast() else { return nil }
        guard let first = entries.first else { return last.thing }
        entries[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < entries.count && entries[child].due < entries[least].due {
                least = child
            }
            if least == parent { return first.thing }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}
