// What the worker gives up before it reads its first packet. After this, a fault in a parser has the rights of
// a user who owns nothing.

import CLinux
import Glibc

package enum Privileges {
    /// The user and group of the worker: nobody else's, no name needed in /etc/passwd.
    package static let workerID: UInt32 = 65_532

    /// Whether this process may change its identity.
    package static var isRoot: Bool { geteuid() == 0 }

    /// Gives up groups, identity and capabilities for good; without root only what needs no root.
    package static func dropForWorker(user: UInt32 = workerID) throws(SystemError) {
        if isRoot {
            // Needs SETPCAP, which a container may lack; with no_new_privs and no setuid it is a second fence only.
            _ = clinux_empty_bounding_set()
            try checked("become user \(user) (needs the capabilities SETUID and SETGID)") {
                clinux_become(user, user)
            }
        }
        try checked("drop capabilities") { clinux_drop_capabilities() }
        try checked("set no_new_privs") { clinux_no_new_privileges() }
    }

    /// From here on the kernel answers only the system calls that a worker makes (CLinuxFilter.c); call it behind
    /// `dropForWorker`, because it needs no_new_privs. Says why the kernel does not: one without seccomp, or a
    /// container whose own filter forbids it. Then the other fences must do.
    package static func filterSystemCalls() -> SystemError? {
        clinux_filter_system_calls() == 0 ? nil : SystemError("filter system calls", errno: errno)
    }

    /// Makes this process the first to go where memory is short: it is replaced at once, and knows nothing that
    /// cannot be asked again. A tenth of all memory on top of what it has itself decides against its parent.
    package static func offerToOutOfMemoryKiller() {
        let path = "/proc/self/oom_score_adj"
        let text = (try? Files.read(path)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let own = text.split(separator: "\n").first.flatMap { Int($0) } ?? 0
        // Refused only where /proc is not there or cannot be written; then both processes stay equal.
        try? Files.write(path, Array("\(min(own + 100, 1000))\n".utf8))
    }

    /// Ends this process at the latest `grace` seconds after the thread that started it: the kernel sends
    /// SIGTERM then, and its handler only sets an alarm that kills, so that there is time to answer what is
    /// queued and in flight. Signals that a terminal or an operator sends to the whole group are the
    /// supervisor's to understand: they are ignored here. Call it after `dropForWorker`, because a change of
    /// identity takes the parent-death signal back (prctl(2)).
    package static func endWithParent(grace seconds: UInt32) throws(SystemError) {
        for ignored in ProcessSignal.allCases where ignored != .terminate {
            _ = signal(ignored.rawValue, SIG_IGN)
        }
        _ = signal(SIGPIPE, SIG_IGN)
        try checked("set parent death signal") { clinux_end_with_parent(seconds) }
    }

    /// Forbids core dumps: a dump being written keeps sockets open, and the outage with them.
    package static func forbidCoreDumps() { _ = clinux_set_dumpable(0) }
}
