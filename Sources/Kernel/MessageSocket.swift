// Messages between two processes of ours, whole or not at all, with file descriptors beside the bytes. What the
// bytes mean is the business of `Control`.

import CLinux
import Glibc

/// One end of a pair of connected SOCK_SEQPACKET sockets. A class, because both ends are made in one call and
/// a tuple cannot hold values that cannot be copied.
package final class MessageSocket: Sendable {
    /// The most descriptors that one message carries.
    package static let descriptorLimit = Int(CLINUX_MESSAGE_DESCRIPTORS)
    /// The most bytes of one message; more belongs in a memory file.
    package static let sizeLimit = 64 << 10

    private let owned: OwnedDescriptor

    /// Takes over an end that was inherited. Close-on-exec is set: it goes no further.
    package init(owning socket: consuming OwnedDescriptor) throws(SystemError) {
        let raw = socket.raw
        try checked("fcntl F_SETFD") { fcntl(raw, F_SETFD, FD_CLOEXEC) }
        owned = socket
    }

    package var descriptor: CInt { owned.raw }

    /// Makes both ends; the first is this process' and does not block, the second is for the child and does.
    package static func pair() throws(SystemError) -> (parent: MessageSocket, child: SharedDescriptor) {
        var ends: [CInt] = [-1, -1]
        // SAFETY: the call writes two numbers.
        try checked("socketpair") { unsafe clinux_message_pair(&ends) }
        let parent = OwnedDescriptor(owning: ends[0])
        let child = OwnedDescriptor(owning: ends[1])
        let flags = try checked("fcntl F_GETFL") { fcntl(ends[0], F_GETFL) }
        try checked("fcntl F_SETFL") { fcntl(ends[0], F_SETFL, flags | O_NONBLOCK) }
        return (try MessageSocket(owning: parent), SharedDescriptor(child))
    }

    /// Sends one message. EAGAIN: the other side does not read; EPIPE: it is gone.
    package func send(_ bytes: [UInt8], descriptors: [CInt] = []) throws(SystemError) {
        try checked("send control message") {
            // SAFETY: both arrays outlive the call, which reads as much as their counts say.
            unsafe clinux_message_send(owned.raw, bytes, bytes.count, descriptors, UInt32(descriptors.count))
        }
    }

    /// What a receive found.
    package enum Reception: Sendable {
        case message([UInt8], [SharedDescriptor])
        /// Nothing waits, on an end that does not block.
        case nothing
        /// The other process closed its end, or ended.
        case end
    }

    /// Takes the next message. EMSGSIZE: one that was too long was thrown away.
    package func receive() throws(SystemError) -> Reception {
        var bytes = [UInt8](repeating: 0, count: Self.sizeLimit)
        var descriptors = [CInt](repeating: -1, count: Self.descriptorLimit)
        var count: UInt32 = 0
        let size: Int
        do throws(SystemError) {
            size = try checked("receive control message") {
                // SAFETY: the arrays have the sizes that the call is told.
                unsafe clinux_message_receive(owned.raw, &bytes, Self.sizeLimit, &descriptors, &count)
            }
        } catch {
            switch error.errno {
            case EAGAIN: return .nothing
            case ECONNRESET: return .end
            default: throw error
            }
        }
        if size == 0 { return .end }
        let received = descriptors.prefix(Int(count)).map { SharedDescriptor(OwnedDescriptor(owning: $0)) }
        return .message(Array(bytes.prefix(size)), received)
    }
}
