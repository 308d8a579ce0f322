// Signals as events of the loop: blocked everywhere, read from a descriptor, so that no code of ours ever runs
// in a signal handler.

import CLinux
import Glibc

/// A signal that somebody sends to tell us something.
package enum ProcessSignal: CInt, CaseIterable, Sendable {
    case terminate = 15
    case interrupt = 2
    case quit = 3
    case hangUp = 1
    case user1 = 10
    case user2 = 12
}

extension ProcessSignal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .terminate: "SIGTERM"
        case .interrupt: "SIGINT"
        case .quit: "SIGQUIT"
        case .hangUp: "SIGHUP"
        case .user1: "SIGUSR1"
        case .user2: "SIGUSR2"
        }
    }
}

/// A signalfd for all of `ProcessSignal`.
package struct SignalDescriptor: ~Copyable, Sendable {
    private let owned: OwnedDescriptor

    /// Blocks the signals for this thread and for threads started from now on: make it before any other thread
    /// exists. SIGPIPE is ignored from here on.
    package init() throws(SystemError) {
        let numbers = ProcessSignal.allCases.map(\.rawValue)
        let raw = try checked("signalfd") {
            // SAFETY: the array outlives the call, which reads `count` numbers.
            unsafe clinux_signal_descriptor(numbers, UInt32(numbers.count))
        }
        owned = OwnedDescriptor(owning: raw)
    }

    /// Becomes readable when a signal waits.
    package var descriptor: CInt { owned.raw }

    /// The next signal that waits, nil when there is none.
    package func next() -> ProcessSignal? {
        let number = clinux_next_signal(owned.raw)
        return number > 0 ? ProcessSignal(rawValue: number) : nil
    }
}
