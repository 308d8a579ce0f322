// What the kernel does first with a process that was killed. It gives up the memory, then the namespaces, and closes
// the descriptors in the end, from the highest number down (do_exit in kernel/exit.c: exit_mm, exit_task_namespaces,
// exit_task_work). So numbers decide how soon nobody waits any more for an answer of the dead.

import Glibc

/// Descriptors that are to be closed before all others, as soon as the process ends.
package enum ClosingOrder: Sendable {
    /// The listening sockets. While they are open they get their share of what comes, also beside those of
    /// another agent; and closing them takes no time.
    case listeners
    /// The netlink socket that owns our table. Interception must end before anything else takes time (measured:
    /// 1.7 ms instead of 18 ms with 5000 sockets open), but removing a table takes 10 to 30 ms itself.
    case tableOwner

    private static let tableOwnerNumber: CInt = 15_000

    /// Keeps the mounts of this process until its other descriptors are closed; call it before any is opened.
    ///
    /// The last process of a mount namespace takes the mounts down, and waits for all processors meanwhile
    /// (synchronize_rcu_expedited): 50 to 300 ms on a busy machine, in which the dead still have their table and
    /// their sockets. The two of us are the last ones in a container. A descriptor of the namespace puts that off
    /// until this one, with its low number, is closed. Without /proc nothing is lost but that.
    package static func putOffUnmounting() {
        _ = unsafe open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)
    }

    /// The lowest number to ask for. Under a small limit of open files the top quarter is for the listeners.
    package var lowest: CInt {
        var limit = rlimit()
        // SAFETY: getrlimit fills the struct we own.
        let isKnown = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        let owner = isKnown ? min(Self.tableOwnerNumber, CInt(clamping: limit.rlim_cur / 4 * 3)) : 0
        return self == .tableOwner ? owner : owner + 1
    }
}

extension OwnedDescriptor {
    /// The same open file under a number of this order; under its old one when the kernel refuses.
    package consuming func moved(to order: ClosingOrder) -> OwnedDescriptor {
        let high = fcntl(raw, F_DUPFD_CLOEXEC, order.lowest)
        return high < 0 ? self : OwnedDescriptor(owning: high)
    }
}
