// The running kernel's version, for log lines. Nothing is decided by it: distributions carry features
// back and forth, so we try and look at errno.

import Glibc

/// A kernel release such as `6.1.0-18-amd64`.
package struct KernelRelease: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ text: String) {
        self.description = text
    }

    /// What uname(2) says of this machine.
    package static func running() -> KernelRelease {
        var name = utsname()
        // SAFETY: uname fills the struct we own; it cannot fail with a valid pointer.
        guard unsafe uname(&name) == 0 else { return KernelRelease("unknown") }
        // SAFETY: `release` is a NUL-terminated array inside `name`, which outlives the closure.
        return unsafe withUnsafeBytes(of: &name.release) { bytes in
            unsafe KernelRelease(Array(bytes).netlinkText)
        }
    }
}
