// A thread of our own for what must not share one: the packet loops. Everything else uses event loops.

import CLinux
import Glibc
package import Timing

/// A running POSIX thread that was given a name.
package struct Thread: Sendable {
    private let thread: pthread_t

    /// Starts `body` on a new thread; `name` (at most 15 octets) shows in `top -H` and in core dumps.
    package init(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let box = unsafe Unmanaged.passRetained(ThreadBody(name: name, run: body))
        var thread = pthread_t()
        // SAFETY: the box is released by the new thread, or below when there is none.
        let code = unsafe pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let body = unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
                unsafe clinux_name_thread(body.name)
                clinux_allow_interrupts()
                body.run()
                return nil
            },
            box.toOpaque()
        )
        guard code == 0 else {
            unsafe box.release()
            throw SystemError("pthread_create \(name)", errno: code)
        }
        self.thread = thread
    }

    /// Ends the system call in which the thread waits, if it does, with EINTR. The thread must not have been
    /// joined.
    package func interrupt() { clinux_interrupt(thread) }

    /// The calling thread gives way to the process's other threads where they want the same core (nice(2), which
    /// on Linux is a thread's own). Between containers the kernel shares by their groups, so this costs nothing
    /// there.
    package static func giveWay() {
        // Ten steps: a tenth of the core is left to it, enough for the supervisor's probes.
        _ = nice(10)
    }

    /// Puts the calling thread to sleep.
    package static func pause(_ interval: Interval) {
        usleep(UInt32(clamping: interval.nanoseconds / 1000))
    }

    /// Waits for the end of the thread.
    package func join() {
        pthread_join(thread, nil)
    }
}

private final class ThreadBody: Sendable {
    let name: String
    let run: @Sendable () -> Void

    init(name: String, run: @escaping @Sendable () -> Void) {
        self.name = name
        self.run = run
    }
}
