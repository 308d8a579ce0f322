// The seam `Network` over SwiftNIO: sockets, clock and alarm of one event loop. Futures occur where links are
// opened, which is rare for TCP; a question on an open connection needs none.

package import Addresses
package import NIOCore
import NIOPosix
package import Timing

/// Links over the sockets of one event loop.
///
/// Not `Sendable`: it is made, used and dropped on that loop, as is everything it hands out.
package final class NIONetwork: Network {
    let eventLoop: any EventLoop
    private let isolated: NIOIsolatedEventLoop
    private var generator = SystemRandomNumberGenerator()
    /// Random bits that were drawn and not used: four ids for one system call.
    private var spareBits: UInt64 = 0
    private var spareIDs = 0

    /// Call on `eventLoop`.
    package init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        isolated = eventLoop.assumeIsolated()
    }

    /// The monotonic clock, which NIO's deadlines count in as well.
    package var now: Instant { Instant(nanoseconds: NIODeadline.now().uptimeNanoseconds) }

    package func random() -> UInt64 { generator.next() }

    package func randomID() -> UInt16 {
        if spareIDs == 0 {
            spareBits = generator.next()
            spareIDs = 4
        }
        defer { spareBits >>= 16 }
        spareIDs -= 1
        return UInt16(truncatingIfNeeded: spareBits)
    }

    package func open(
        _ carrier: Carrier,
        to remote: Endpoint,
        within patience: Interval,
        for receiver: any LinkReceiver
    ) -> any Link {
        let patience = TimeAmount.nanoseconds(Int64(clamping: patience.nanoseconds))
        switch carrier {
        case .tcp: return StreamLink(to: remote, within: patience, on: eventLoop, for: receiver)
        case .tls(let peer):
            return StreamLink(to: remote, in: peer, within: patience, on: eventLoop, for: receiver)
        case .udp: return DatagramLink(to: remote, on: eventLoop, for: receiver)
        }
    }

    package func wake(at deadline: Instant, _ action: @escaping () -> Void) {
        let deadline = NIODeadline.uptimeNanoseconds(deadline.nanoseconds)
        _ = isolated.scheduleTask(deadline: deadline, action)
    }
}

// MARK: - Conversions

extension SocketAddress {
    init(_ endpoint: Endpoint) throws {
        let bytes = ByteBuffer(bytes: endpoint.address.bytes)
        try self.init(packedIPAddress: bytes, port: Int(endpoint.port))
    }
}

extension Endpoint {
    /// Nil for the address of a Unix socket.
    init?(_ address: SocketAddress) {
        guard let text = address.ipAddress, let ip = IPAddress(text), let port = address.port else {
            return nil
        }
        self.init(ip, port: UInt16(clamping: port))
    }
}

extension LinkFailure {
    /// What NIO reports, in our words.
    init(_ operation: Operation, _ error: any Error) {
        switch error {
        case let error as IOError: self.init(operation, .system(error.errnoCode))
        case ChannelError.connectTimeout: self.init(operation, .timedOut)
        case let error as LinkFailure: self = error
        default: self.init(operation, .endOfFile)
        }
    }
}
