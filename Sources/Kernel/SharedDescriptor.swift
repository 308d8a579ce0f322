// A file descriptor with several owners: a list of descriptors cannot hold `OwnedDescriptor`s, which cannot be
// copied.

import Glibc

/// A file descriptor that is closed when its last owner goes away.
package final class SharedDescriptor: Sendable {
    private let owned: OwnedDescriptor

    package init(_ owned: consuming OwnedDescriptor) { self.owned = owned }

    /// For system calls; must not outlive the last owner.
    package var raw: CInt { owned.raw }

    /// A descriptor of the same open file for somebody who wants one alone, such as SwiftNIO.
    package func duplicate() throws(SystemError) -> OwnedDescriptor { try owned.duplicate() }

    /// The contents, when this is a memory file; refused when it has more than `limit`.
    package func readMemoryFile(limit: Int = MemoryFile.usualLimit) throws(SystemError) -> [UInt8] {
        try MemoryFile.read(owned, limit: limit)
    }

    /// Takes all bytes out of a memory file. Nobody may have it mapped.
    package func empty() {
        // A memory file that nobody has sealed cannot refuse.
        _ = ftruncate(owned.raw, 0)
    }

    /// Writes to the beginning of a memory file.
    package func writeMemoryFile(_ bytes: [UInt8]) throws(SystemError) {
        try MemoryFile.write(bytes, to: owned)
    }
}
