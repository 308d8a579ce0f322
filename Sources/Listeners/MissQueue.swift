// The one bridge from the packet threads to the event loop: a list under a lock, and a nudge when it was
// empty. A burst of misses costs one wake-up, not one each.

package import NIOCore
package import Resolution
import Synchronization
package import Telemetry

/// Carries questions to the loop that asks upstream.
package final class MissQueue: MetricSource {
    /// Questions that may wait here; the loop takes all of them at once, so a full queue means that it stands
    /// still, and then more memory would not help.
    static let capacity = 50_000

    private let queue = Mutex<[PendingQuery]>([])
    private let shed = SharedCounter()
    private let eventLoop: any EventLoop
    private let accept: @Sendable (PendingQuery) -> Void

    /// `accept` is called on `eventLoop`.
    package init(eventLoop: any EventLoop, accept: @escaping @Sendable (PendingQuery) -> Void) {
        self.eventLoop = eventLoop
        self.accept = accept
    }

    /// Queues `questions`; from any thread. What does not fit is dropped and counted: its client asks again.
    package func submit(_ questions: [PendingQuery]) {
        let wasEmpty = queue.withLock { queue in
            let room = max(0, Self.capacity - queue.count)
            if questions.count > room { shed.add(UInt64(questions.count - room)) }
            let wasEmpty = queue.isEmpty
            queue.append(contentsOf: questions.prefix(room))
            return wasEmpty && !queue.isEmpty
        }
        if wasEmpty { eventLoop.execute { self.deliver() } }
    }

    private func deliver() {
        let questions = queue.withLock { queue in
            let taken = queue
            queue = []
            return taken
        }
        for question in questions { accept(question) }
    }

    package func collect(into snapshot: inout MetricSnapshot) {
        snapshot.add(.shed, labels: ["queue_full"], shed.value)
    }
}
