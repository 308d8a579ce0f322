// A directory that a test writes into, and that leaves nothing behind.

internal import FoundationEssentials
internal import Glibc

/// Made with the object, removed with it, whatever stands in it.
package final class TemporaryDirectory: Sendable {
    package let path: String

    /// In /tmp; with what the system says when there is no room.
    package init() throws {
        var template = Array("/tmp/node-local-dns-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw Failure(errno: errno) }
        path = String(cString: made)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// mkdtemp(3) made none.
    package struct Failure: Error {
        package let errno: Int32
    }
}
