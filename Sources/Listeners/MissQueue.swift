// The one bridge from the packet threads to the event loop: a list under a lock, and a nudge when nobody is
// taking from it. The loop takes it in slices, because it has more to do than to ask: upstream's answers, TCP
// clients and the supervisor's probes wait meanwhile.

package import NIOCore
package import Resolution
import Synchronization
package import Telemetry

/// Carries questions to the loop that asks upstream.
package final class MissQueue: MetricSource {
    /// Questions between two looks at the sockets: a few milliseconds.
    static let slice = 256
    /// The pause in which the loop looks at its sockets. A task without delay would come before them.
    static let pause = TimeAmount.microseconds(20)

    private struct Waiting {
        var questions = CircularBuffer<PendingQuery>()
        /// Whether the loop has been told, and will look.
        var isTaken = false
    }

    private let capacity: Int
    private let waiting = Mutex(Waiting())
    private let count = Atomic<Int>(0)
    private let shed = SharedCounter()
    private let eventLoop: any EventLoop
    private let accept: @Sendable (PendingQuery) -> Void

    /// `accept` is called on `eventLoop`. About `capacity` questions may wait: more would wait longer than their
    /// askers want to, and each takes some 500 octets; 20 000 clients that ask at the same moment fit.
    package init(
        eventLoop: any EventLoop,
        capacity: Int = 24_576,
        accept: @escaping @Sendable (PendingQuery) -> Void
    ) {
        self.eventLoop = eventLoop
        self.capacity = capacity
        self.accept = accept
    }

    /// Whether another question would only wait for its asker to give up. It should be answered with what there
    /// is, and counted with `countShed`. Cheap, and a moment out of date.
    package var isFull: Bool { count.load(ordering: .relaxed) >= capacity }

    /// A question was not queued.
    package func countShed() { shed.add() }

    /// Queues `questions`; from any thread.
    package func submit(_ questions: [PendingQuery]) {
        let mustTell = waiting.withLock { waiting in
            waiting.questions.append(contentsOf: questions)
            count.store(waiting.questions.count, ordering: .relaxed)
            defer { waiting.isTaken = true }
            return !waiting.isTaken
        }
        if mustTell { eventLoop.execute { self.deliver() } }
    }

    private func deliver() {
        let (slice, isRest) = waiting.withLock { waiting in
            let slice = Array(waiting.questions.prefix(Self.slice))
            waiting.questions.removeFirst(slice.count)
            count.store(waiting.questions.count, ordering: .relaxed)
            waiting.isTaken = !waiting.questions.isEmpty
            return (slice, waiting.isTaken)
        }
        for question in slice { accept(question) }
        guard isRest else { return }
        // What the slice has left to the loop, failures above all, is done first, and the pause begins behind it:
        // as long as any task is due, the loop does not look at its sockets.
        eventLoop.scheduleTask(in: .zero) {
            self.eventLoop.scheduleTask(in: Self.pause) { self.deliver() }
        }
    }

    package func collect(into snapshot: inout MetricSnapshot) {
        snapshot.add(.shed, labels: ["queue_full"], shed.value)
    }
}
