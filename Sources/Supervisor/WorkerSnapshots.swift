// The worker's numbers for a scrape of the supervisor's port: asked for over the control socket, because node-cache
// shows all its numbers on both ports. Asked on the metrics server's event loop, answered by the supervisor's thread.

import Control
import Kernel
import NIOCore
import Synchronization
import Telemetry

/// Asks the worker that is in use for its numbers, once for all who want them at the same time.
final class WorkerSnapshots: Sendable {
    private struct Request {
        let number: UInt64
        /// Made by us, so that nothing of a worker's making has to be opened.
        let file: SharedDescriptor
        let answer: EventLoopPromise<MetricSnapshot?>
    }

    private struct State {
        var channel: SupervisorChannel?
        var request: Request?
        var lastNumber: UInt64 = 0
    }

    /// A worker that takes longer is busy with something better, or hangs; Prometheus waits ten seconds.
    private static let patience = TimeAmount.milliseconds(500)
    /// Ten times what a node with a hundred zones needs; what a worker writes is not to be trusted.
    private static let largest = 32 << 20

    private let state = Mutex(State())

    /// Asks over `channel` from now on; nil: there is no worker to ask.
    func ask(over channel: SupervisorChannel?) {
        let left = state.withLock { state in
            state.channel = channel
            return state.request.take()
        }
        left?.answer.succeed(nil)
    }

    /// The worker's numbers; nil when there is no worker, or none that answers.
    func numbers(_ loop: any EventLoop) -> EventLoopFuture<MetricSnapshot?> {
        let (answer, asked): (EventLoopFuture<MetricSnapshot?>?, UInt64?) = state.withLock { state in
            if let request = state.request { return (request.answer.futureResult, nil) }
            guard let channel = state.channel, let memory = try? MemoryFile.make(name: "numbers", []) else {
                return (nil, nil)
            }
            let number = state.lastNumber + 1
            let file = SharedDescriptor(memory)
            guard (try? channel.send(.writeNumbers(number, into: file))) != nil else { return (nil, nil) }
            state.lastNumber = number
            let request = Request(number: number, file: file, answer: loop.makePromise())
            state.request = request
            return (request.answer.futureResult, number)
        }
        if let asked {
            loop.scheduleTask(in: Self.patience) { self.settle(asked) { _ in nil } }
        }
        return answer?.hop(to: loop) ?? loop.makeSucceededFuture(nil)
    }

    /// The worker has written. Called on the supervisor's thread; the numbers are read on the event loop.
    func written(_ number: UInt64) {
        settle(number) { file in
            (try? file.readMemoryFile(limit: Self.largest)).flatMap { try? MetricSnapshot(decoding: $0) }
        }
    }

    /// Ends the request, if it is the one under way.
    private func settle(_ number: UInt64, by read: @escaping @Sendable (SharedDescriptor) -> MetricSnapshot?)
    {
        let request = state.withLock { $0.request?.number == number ? $0.request.take() : nil }
        guard let request else { return }
        request.answer.futureResult.eventLoop.execute { request.answer.succeed(read(request.file)) }
    }
}
