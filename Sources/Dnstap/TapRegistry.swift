// All observers of the process. They outlive reloads that leave their lines as they are.

import NIOCore
import NIOPosix
package import Resolution
import Synchronization
package import Telemetry
package import Timing

/// Makes, keeps and ends senders. The thread they live on is started by the first.
package final class TapRegistry: MetricSource {
    private struct State {
        var group: MultiThreadedEventLoopGroup?
        var senders: [DnstapSettings: TapSender] = [:]
    }

    private let state = Mutex(State())
    private let wallClock: @Sendable (Instant) -> UInt64
    private let tell: @Sendable (TapNews) -> Void

    /// `wallClock` says the time of day at an instant, in nanoseconds since 1970; `tell` is called on any thread.
    package init(
        wallClock: @escaping @Sendable (Instant) -> UInt64,
        tell: @escaping @Sendable (TapNews) -> Void
    ) {
        self.wallClock = wallClock
        self.tell = tell
    }

    /// The sender of a line; waits for its thread to make it, so not for threads that answer.
    package func sender(_ settings: DnstapSettings) throws -> any MessageTap {
        try state.withLock { state in
            if let sender = state.senders[settings] { return sender }
            let group = state.group ?? MultiThreadedEventLoopGroup(numberOfThreads: 1)
            state.group = group
            let loop = group.next()
            let (wallClock, tell) = (self.wallClock, self.tell)
            let sender = try loop.submit {
                TapSender(settings, eventLoop: loop, wallClock: wallClock, tell: tell)
            }.wait()
            state.senders[settings] = sender
            return sender
        }
    }

    /// Ends the senders of all other settings.
    package func keep(only wanted: Set<DnstapSettings>) {
        let unwanted = state.withLock { state in
            let unwanted = state.senders.filter { !wanted.contains($0.key) }
            for settings in unwanted.keys { state.senders[settings] = nil }
            return Array(unwanted.values)
        }
        for sender in unwanted { _ = sender.close() }
    }

    /// Ends all; returns when the observers have everything, or their time is over.
    package func close() {
        let senders = state.withLock { state in
            defer { state.senders = [:] }
            return Array(state.senders.values)
        }
        for closing in senders.map({ $0.close() }) { try? closing.wait() }
    }

    package func collect(into snapshot: inout MetricSnapshot) {
        for sender in state.withLock({ Array($0.senders.values) }) { sender.collect(into: &snapshot) }
    }
}
