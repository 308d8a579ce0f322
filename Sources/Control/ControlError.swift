// What can go wrong between the two processes.

package import Kernel

/// A failure on the control socket.
package enum ControlError: Error, Hashable, Sendable {
    /// The kernel refused.
    case system(SystemError)
    /// The other side said something that has no meaning; the text says what was wrong with it.
    case malformed(String)
    /// The other side does not read: its queue is full.
    case notReading
    /// The other process is gone.
    case closed
}

extension ControlError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .system(let error): "control socket: \(error)"
        case .malformed(let reason): "malformed control message: \(reason)"
        case .notReading: "control socket: the other process does not read"
        case .closed: "control socket: the other process is gone"
        }
    }
}
