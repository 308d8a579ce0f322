// The seam between deciding and doing: links to servers, the clock, the dice and the alarm. `NIONetwork`
// fulfils it with sockets on one event loop, the tests' `ScriptedNetwork` with a script.
// Everything here is called on one thread, that of the loop.

package import Addresses
import Glibc
package import Timing

/// What forwarding needs from the outside world.
package protocol Network: AnyObject {
    /// The time on the monotonic clock.
    var now: Instant { get }

    /// 64 unpredictable bits.
    func random() -> UInt64

    /// An unpredictable message id: ids are a defence (RFC 5452, 4).
    func randomID() -> UInt16

    /// Starts to open a link, which fails after `patience`; `receiver` hears of everything else, never before
    /// this has returned.
    func open(
        _ carrier: Carrier,
        to remote: Endpoint,
        within patience: Interval,
        for receiver: any LinkReceiver
    ) -> any Link

    /// Calls `action` once, at `deadline` or soon after.
    func wake(at deadline: Instant, _ action: @escaping () -> Void)
}

/// What carries messages to a server.
package enum Carrier: Sendable {
    case udp
    case tcp
    /// DNS over TLS (RFC 7858).
    case tls(TLSPeer)
}

/// A TCP connection, in TLS or not, or a UDP socket that is connected to one server.
package protocol Link: AnyObject {
    /// Our own address and port; nil before the link is open.
    var local: Endpoint? { get }

    /// Sends a message with `id` in its first two octets; before the link is open it waits.
    ///
    /// What is sent in one turn of the loop leaves together.
    func send(_ message: [UInt8], id: UInt16)

    /// Ends the link; the receiver hears nothing any more.
    func close()
}

/// Who owns a link.
package protocol LinkReceiver: AnyObject {
    /// Messages go out and come in from now on.
    func linkOpened()

    /// One message, without the length that TCP puts in front.
    func linkReceived(_ message: Span<UInt8>)

    /// The link could not be opened or has ended; nothing comes after this.
    func linkFailed(_ failure: LinkFailure)
}

/// Why a link could not be opened or has ended.
package struct LinkFailure: Error, Sendable, Hashable {
    /// What was being done.
    package enum Operation: String, Sendable {
        case dial
        /// TLS: the connection is there, but the two sides cannot agree.
        case handshake
        case read
        case write
    }

    /// What stood in the way.
    package enum Reason: Sendable, Hashable {
        case timedOut
        /// The other side has closed the connection.
        case endOfFile
        /// An errno of the kernel.
        case system(CInt)
        /// What TLS did not like, in words.
        case tls(String)
    }

    package let operation: Operation
    package let reason: Reason

    /// A failure of `operation` because of `reason`.
    package init(_ operation: Operation, _ reason: Reason) {
        self.operation = operation
        self.reason = reason
    }

    /// Whether the network says that there is no such server: an ICMP error, a refused connection, no route.
    var meansNobodyIsThere: Bool {
        guard case .system(let code) = reason else { return false }
        return [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EACCES, EPERM].contains(code)
    }
}
