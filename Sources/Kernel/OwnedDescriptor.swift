// A file descriptor with exactly one owner.

import Glibc

/// A file descriptor that is closed when its owner goes away.
package struct OwnedDescriptor: ~Copyable, Sendable {
    /// For system calls; must not outlive the owner.
    package let raw: CInt

    /// Takes over `raw`. The caller must not close it any more.
    package init(owning raw: CInt) { self.raw = raw }

    deinit { _ = close(raw) }

    /// Gives the descriptor away without closing it.
    package consuming func release() -> CInt {
        let raw = self.raw
        discard self
        return raw
    }

    /// A second descriptor for the same open file, close-on-exec.
    package func duplicate() throws(SystemError) -> OwnedDescriptor {
        let copy = try checked("fcntl F_DUPFD_CLOEXEC") { fcntl(raw, F_DUPFD_CLOEXEC, 0) }
        return OwnedDescriptor(owning: copy)
    }
}
