// A file descriptor with several owners: a list of descriptors cannot hold `OwnedDescriptor`s, which cannot be
// copied.

/// A file descriptor that is closed when its last owner goes away.
package final class SharedDescriptor: Sendable {
    private let owned: OwnedDescriptor

    package init(_ owned: consuming OwnedDescriptor) { self.owned = owned }

    /// For system calls; must not outlive the last owner.
    package var raw: CInt { owned.raw }

    /// A descriptor of the same open file for somebody who wants one alone, such as SwiftNIO.
    package func duplicate() throws(SystemError) -> OwnedDescriptor { try owned.duplicate() }

    /// The contents, when this is a memory file.
    package func readMemoryFile() throws(SystemError) -> [UInt8] { try MemoryFile.read(owned) }
}
