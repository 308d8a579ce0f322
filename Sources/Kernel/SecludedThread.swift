// A thread with descriptors of its own. When a process is killed its threads end side by side, and each gives up at once
// what nobody else has; the memory, the namespaces and the common descriptors wait for the last of them. So what must
// be closed as soon as the process is dead belongs to a thread that has nothing else, and is not the last: the kernel
// wakes them in the order in which they were started.

import CLinux
import Dispatch
import Glibc
import Synchronization

/// Runs what it is given on one thread that shares no descriptor with the process but the standard streams.
package final class SecludedThread: Sendable {
    private let desk = Desk()
    private let thread: Thread

    /// Starts the thread; fails where the kernel cannot give it descriptors of its own (before Linux 5.9).
    package init(name: String) throws(SystemError) {
        thread = try Thread(name: name) { [desk] in desk.work() }
        let code = run { clinux_own_descriptors() == 0 ? 0 : errno }
        guard code == 0 else { throw SystemError("close_range", errno: code) }
    }

    /// What the thread has left open is closed by the kernel soon after.
    deinit {
        desk.give(nil)
        thread.join()
    }

    /// Waits until the thread has done it. From one thread at a time.
    package func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) -> Value {
        let reply = Reply<Value>()
        desk.give { reply.value.withLock { $0 = body() } }
        desk.done.wait()
        guard let value = reply.value.withLock({ $0 }) else { fatalError("the desk has not done its work") }
        return value
    }

    private final class Reply<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
    }

    /// Where the two threads meet.
    private final class Desk: Sendable {
        private let job = Mutex<(@Sendable () -> Void)?>(nil)
        private let given = DispatchSemaphore(value: 0)
        let done = DispatchSemaphore(value: 0)

        /// With nil the thread ends.
        func give(_ job: (@Sendable () -> Void)?) {
            self.job.withLock { $0 = job }
            given.signal()
        }

        func work() {
            while true {
                given.wait()
                guard let job = job.withLock({ $0 }) else { return }
                job()
                done.signal()
            }
        }
    }
}
