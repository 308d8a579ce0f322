// The end of the event loop's half: nobody new, an answer for everybody who is here. Each wait has a bound.

import Kernel
import Listeners
import NIOCore
import Resolution
import Timing

/// How long a worker that is about to end waits for what.
enum DrainTimes {
    /// For packets that were sent before the others learned that we leave: through the kernel of one node that is
    /// a tenth of a millisecond, on a busy one a time slice or two.
    static let onTheWay = Interval.milliseconds(20)
    /// For clients that keep a TCP connection open: to ask once more, and be told, or to close it.
    static let connections = TimeAmount.seconds(2)
    /// For answers of upstreams; before the supervisor loses patience and kills.
    static let answers = TimeAmount.seconds(4)
    /// Between two looks.
    static let tick = TimeAmount.milliseconds(5)
}

extension WorkerLoop {
    /// New connections go elsewhere if they can; those that are open end behind their next answer.
    func leave() {
        streams.isLeaving = true
        for listener in listeners.values { listener.leaveNewcomersToTheNext() }
    }

    /// Accepts who waits, then no more; calls `completion` when everybody has an answer, or had the time.
    func drain(_ completion: @escaping () -> Void) {
        let begin = NIODeadline.now()
        let listening = NIOLoopBoundBox(Array(listeners.values), eventLoop: eventLoop)
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let done = NIOLoopBound(completion, eventLoop: eventLoop)
        eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: DrainTimes.tick) { task in
            let loop = bound.value
            let now = NIODeadline.now()
            listening.value.removeAll { $0.closeIfNobodyWaits() }
            let isOverdue = now - begin >= DrainTimes.answers
            let isAnswered = listening.value.isEmpty && loop.waiting == 0
            guard isOverdue || isAnswered && loop.areConnectionsDone(since: begin, at: now) else { return }
            task.cancel()
            for listener in loop.listeners.values { listener.closeConnections() }
            loop.failures.flush()
            done.value()
        }
    }

    private func areConnectionsDone(since begin: NIODeadline, at now: NIODeadline) -> Bool {
        now - begin >= DrainTimes.connections || listeners.values.allSatisfy { $0.openConnections == 0 }
    }
}
