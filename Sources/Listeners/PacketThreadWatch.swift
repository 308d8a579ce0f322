// Finds a packet thread that stands still while the others of its address go on. The supervisor cannot see it: its
// questions are dealt to the others too, and find nothing wrong, while a part of the node's look-ups is lost.

import Synchronization
package import Timing

/// Tells a thread that stands still from one that has nothing to do. Who calls looks at the thread, again and again.
struct StandstillDetector {
    /// In so many looks in a row questions waited and none was taken. More than one: after a pause of the whole
    /// process, such as SIGSTOP or a throttled control group, whoever looks may run first.
    static let looksUntilCertain = 3

    private var progress = 0
    private var looksWithout = 0

    /// Whether the thread stands still; `progress` is any number that changes when it takes questions.
    mutating func look(progress: Int, hasWaiting: Bool) -> Bool {
        looksWithout = hasWaiting && progress == self.progress ? looksWithout + 1 : 0
        self.progress = progress
        return looksWithout >= Self.looksUntilCertain
    }
}

/// Looks at packet threads from another thread.
package final class PacketThreadWatch: Sendable {
    /// From one look to the next: three of them are less than the second that a hanging worker has.
    package static let interval = Interval.milliseconds(250)

    private let threads = Mutex<[(thread: PacketThread, detector: StandstillDetector)]>([])

    package init() {}

    /// Watches these from now on, and no others: one that is being stopped takes nothing.
    package func watch(_ threads: some Sequence<PacketThread>) {
        self.threads.withLock { $0 = threads.map { ($0, StandstillDetector()) } }
    }

    /// Looks at each thread once; what to call the first that stands still.
    package func look() -> String? {
        threads.withLock { threads in
            var found: String?
            for index in threads.indices {
                let thread = threads[index].thread
                let isStill = threads[index].detector.look(
                    progress: thread.batchesTaken,
                    hasWaiting: thread.hasWaiting
                )
                if isStill, found == nil { found = thread.description }
            }
            return found
        }
    }
}
