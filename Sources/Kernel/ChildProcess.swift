// The one child that we start: ourselves in another role. Watched through a pidfd, so that no signal and no
// process id that somebody else got meanwhile can confuse us.

import CLinux
import Glibc
package import Timing

/// How a process ended.
package enum ProcessEnd: Hashable, Sendable {
    case exited(code: CInt)
    case killed(signal: CInt)

    /// A crash; otherwise somebody else ended it, or it did so itself.
    package var isFault: Bool {
        if case .killed(let signal) = self { signal != SIGKILL && signal != SIGTERM } else { false }
    }
}

extension ProcessEnd: CustomStringConvertible {
    package var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .killed(let signal): "signal \(signal)"
        }
    }
}

/// A running child; it is not killed when this value goes away.
package struct ChildProcess: ~Copyable, Sendable {
    package let processID: Int32
    private let pidfd: OwnedDescriptor

    /// Starts this very program with other arguments. The child has our standard streams, `control` as
    /// descriptor 3, nothing else of ours, and no blocked signal; our environment, and of `environment` what ours
    /// does not say. Call it on a thread that lives as long as the process: the child's parent-death signal goes
    /// by threads (prctl(2), PR_SET_PDEATHSIG).
    package static func spawnSelf(
        arguments: [String],
        environment: [String: String] = [:],
        control: SharedDescriptor
    ) throws(SystemError) -> ChildProcess {
        var process: pid_t = 0
        let raw = control.raw
        let more = environment.filter { unsafe getenv($0.key) == nil }.map { "\($0.key)=\($0.value)" }
        let code = unsafe withCStrings(["node-local-dns"] + arguments) { vector in
            unsafe withCStrings(more, after: environ) { environment in
                // SAFETY: both end with nil and live until the call returns; nobody here changes `environ`.
                unsafe clinux_spawn("/proc/self/exe", vector, environment, raw, &process)
            }
        }
        guard code == 0 else { throw SystemError("spawn worker", errno: code) }
        // The child is not reaped before we wait for it: its id cannot be somebody else's yet.
        let pidfd = try checked("pidfd_open \(process)") { clinux_pidfd_open(process) }
        return ChildProcess(processID: process, pidfd: OwnedDescriptor(owning: pidfd))
    }

    /// Becomes readable when the child ends.
    package var descriptor: CInt { pidfd.raw }

    /// Kills the child; it ends without doing anything more. Says why that could not be done; a child that has
    /// ended already is fine. One that has another user id needs the capability KILL.
    @discardableResult
    package func kill() -> SystemError? {
        guard clinux_pidfd_send_signal(pidfd.raw, SIGKILL) == -1, errno != ESRCH else { return nil }
        return SystemError("kill the worker", errno: errno)
    }

    /// The processor time that the child has used so far, all its threads together; nil once it has ended.
    package var processorTime: Interval? {
        UInt64(exactly: clinux_processor_time(processID)).map { Interval(nanoseconds: $0) }
    }

    /// How the child ended; nil while it runs. Tells it once.
    package func reap() -> ProcessEnd? {
        var code: CInt = 0
        var isSignal: CInt = 0
        guard unsafe clinux_reap(processID, &code, &isSignal) == 1 else { return nil }
        return isSignal == 1 ? .killed(signal: code) : .exited(code: code)
    }
}

/// Lends `texts` as C wants them: an array of pointers with nil at its end; those of `first`, which is such an
/// array, come before them.
private func withCStrings<Result>(
    _ texts: [String],
    after first: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = nil,
    _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    let copies = unsafe texts.map { unsafe strdup($0) }
    defer { unsafe copies.forEach { unsafe free($0) } }
    var pointers: [UnsafeMutablePointer<CChar>?] = unsafe []
    var next = unsafe first
    while let text = unsafe next?.pointee {
        unsafe pointers.append(text)
        unsafe next? += 1
    }
    unsafe pointers += copies + [nil]
    return unsafe body(&pointers)
}
