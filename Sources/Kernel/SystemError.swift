// The one reader of errno. Calls that may not be interrupted by a signal are retried here, so nobody else
// thinks of EINTR.

import Glibc

/// A system call that failed.
package struct SystemError: Error, Hashable, Sendable {
    /// The call and its object, for example `bind 169.254.20.10:53`.
    package let operation: String
    package let errno: CInt

    package init(_ operation: String, errno: CInt) {
        self.operation = operation
        self.errno = errno
    }
}

extension SystemError: CustomStringConvertible {
    /// `bind 169.254.20.10:53: Address already in use`
    package var description: String { "\(operation): \(Self.text(of: errno))" }

    /// The C library's text for an error number.
    package static func text(of errno: CInt) -> String {
        // SAFETY: strerror returns a NUL-terminated string that outlives the copy.
        unsafe String(cString: strerror(errno))
    }
}

/// Runs `call` again while a signal interrupts it; throws its errno when it returns -1.
@discardableResult
package func checked<Value: FixedWidthInteger>(
    _ operation: @autoclosure () -> String,
    _ call: () -> Value
) throws(SystemError) -> Value {
    while true {
        let result = call()
        if result != -1 { return result }
        let code = errno
        if code != EINTR { throw SystemError(operation(), errno: code) }
    }
}
