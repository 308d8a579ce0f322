// Says that something in a directory changed. Not what: the reader compares contents, because kubelet swaps
// whole directories behind symbolic links.

import Glibc

/// An inotify instance over directories.
package struct DirectoryWatcher: ~Copyable, Sendable {
    private let owned: OwnedDescriptor

    package init() throws(SystemError) {
        let raw = try checked("inotify_init1") { inotify_init1(CInt(IN_NONBLOCK | IN_CLOEXEC)) }
        owned = OwnedDescriptor(owning: raw)
    }

    /// Becomes readable when a watched directory changes.
    package var descriptor: CInt { owned.raw }

    /// Watches the entries of a directory; nil when there is none, or it is no directory. Watching one again is
    /// harmless and returns the same number, unless another directory took the name meanwhile.
    @discardableResult
    package func watch(_ directory: String) -> CInt? {
        let events =
            IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF
            | IN_MOVE_SELF | IN_ONLYDIR
        let number = unsafe inotify_add_watch(owned.raw, directory, UInt32(bitPattern: Int32(events)))
        return number == -1 ? nil : number
    }

    /// Stops watching what `watch` gave this number.
    package func stop(_ number: CInt) { _ = inotify_rm_watch(owned.raw, number) }

    /// Takes all waiting events; whether there were any. An overflow of the queue counts as one.
    package func drain() -> Bool {
        var sawAny = false
        unsafe withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 8) { buffer in
            while unsafe read(owned.raw, buffer.baseAddress, buffer.count) > 0 { sawAny = true }
        }
        return sawAny
    }
}
