// Copies on their way from the threads that answer to the one that sends them. Bounded: who is not looked at by its
// observer loses copies, never a query its time.

import NIOCore
import Synchronization

/// Frames in the order of their coming; from any thread.
final class TapQueue: Sendable {
    private struct State {
        var frames = CircularBuffer<[UInt8]>()
        var octets = 0
        /// Somebody will come and take.
        var isAwaited = false
    }

    /// What became of a frame.
    enum Admission: Equatable {
        case dropped
        case queued
        /// Queued, and nobody is on the way to take it.
        case queuedFirst
    }

    private let limits: DnstapLimits
    private let state = Mutex(State())

    init(_ limits: DnstapLimits) { self.limits = limits }

    /// Whether a frame would be dropped; spares making it.
    var isFull: Bool { state.withLock { isFull($0) } }

    private func isFull(_ state: State) -> Bool {
        state.frames.count >= limits.waiting || state.octets >= limits.waitingOctets
    }

    func put(_ frame: [UInt8]) -> Admission {
        state.withLock { state in
            guard !isFull(state) else { return .dropped }
            state.frames.append(frame)
            state.octets += frame.count
            defer { state.isAwaited = true }
            return state.isAwaited ? .queued : .queuedFirst
        }
    }

    /// Takes frames of about `octets` together; none: nobody is awaited any more.
    func take(_ octets: Int) -> [[UInt8]] {
        state.withLock { state in
            var taken: [[UInt8]] = []
            var left = octets
            while left > 0, let frame = state.frames.popFirst() {
                left -= frame.count
                state.octets -= frame.count
                taken.append(frame)
            }
            if taken.isEmpty { state.isAwaited = false }
            return taken
        }
    }
}
