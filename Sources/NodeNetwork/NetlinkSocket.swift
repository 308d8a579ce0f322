// The seam to the kernel: datagrams out, datagrams in. Everything above speaks through these two
// protocols, so that tests can record the exact bytes and play the kernel; the real thing is libmnl.
// What the datagrams mean is NetlinkConnection's work.

import CNetlink
import Glibc
package import Kernel

/// One netlink socket.
package protocol NetlinkChannel: AnyObject {
    /// The address the kernel knows this socket by; unique per protocol in a network namespace.
    var portID: UInt32 { get }
    /// For epoll only; never to be closed by the caller.
    var descriptor: CInt { get }
    /// Sends one datagram. The kernel has handled it when this returns.
    func send(_ datagram: [UInt8]) throws(Errno)
    /// The next datagram that waits, or nil when none does; never blocks.
    func receive() throws(Errno) -> [UInt8]?
    /// Joins or leaves a group of notifications.
    func setMembership(_ isMember: Bool, ofGroup group: UInt32) throws(Errno)
}

/// Opens netlink sockets.
package protocol NetlinkOpener {
    /// A socket of a protocol (NETLINK_ROUTE, NETLINK_NETFILTER).
    func open(_ netlinkProtocol: CInt, as identity: NetlinkIdentity) throws(Errno) -> any NetlinkChannel
}

/// How a new socket shall be known.
package enum NetlinkIdentity: Hashable, Sendable {
    /// The kernel chooses the port id.
    case anonymous
    /// Under this port id, or EADDRINUSE when a socket of the namespace has it.
    case port(UInt32)
    /// Also closed before anything else when this process dies: its thread has nothing else (`SecludedSocket`), or,
    /// where that cannot be had, its descriptor has a number as high as allowed.
    case owner(UInt32)
}

// MARK: - libmnl

/// Real sockets, in the network namespace of the calling thread.
package struct LibmnlOpener: NetlinkOpener {
    private let ownersThread: SecludedThread?

    /// `ownersThread` opens what is an owner, in its own network namespace.
    package init(ownersThread: SecludedThread? = nil) { self.ownersThread = ownersThread }

    package func open(
        _ netlinkProtocol: CInt,
        as identity: NetlinkIdentity
    ) throws(Errno) -> any NetlinkChannel {
        if case .owner(let port) = identity, let ownersThread {
            return try SecludedSocket(netlinkProtocol, port: port, on: ownersThread)
        }
        return try LibmnlSocket(netlinkProtocol, as: identity)
    }
}

/// A non-blocking, close-on-exec netlink socket; closed when its last reference goes.
@safe
final class LibmnlSocket: NetlinkChannel, Sendable {
    /// SAFETY: made in `init`, closed in `deinit`, handed to libmnl only while `self` lives. libmnl changes it in `init`
    /// alone, and the kernel does not mind who calls.
    nonisolated(unsafe) private let socket: OpaquePointer

    init(_ netlinkProtocol: CInt, as identity: NetlinkIdentity) throws(Errno) {
        // SAFETY: no pointer goes in; nil or a new handle comes out.
        // Close-on-exec always: a child that holds the owner socket would keep our table, and the outage.
        let flags = CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        guard var socket = unsafe mnl_socket_open2(netlinkProtocol, flags) else { throw Errno.current }
        if case .owner = identity, let raised = unsafe Self.raised(socket) { unsafe socket = raised }
        unsafe self.socket = socket
        // From here on `deinit` closes the socket, whatever is thrown.
        switch identity {
        case .anonymous: try bind(UInt32(MNL_SOCKET_AUTOPID))
        case .port(let port), .owner(let port): try bind(port)
        }
        // Refusals in words (Linux 4.12) and without our own message repeated: both only sweeten errors.
        for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK] { try? set(option, 1) }
    }

    deinit { _ = unsafe mnl_socket_close(socket) }

    /// The same socket under a high descriptor number; nil (and nothing changed) when that is refused.
    private static func raised(_ low: OpaquePointer) -> OpaquePointer? {
        let descriptor = unsafe fcntl(mnl_socket_get_fd(low), F_DUPFD_CLOEXEC, ClosingOrder.tableOwner.lowest)
        guard descriptor >= 0 else { return nil }
        guard let high = unsafe mnl_socket_fdopen(descriptor) else {
            close(descriptor)
            return nil
        }
        _ = unsafe mnl_socket_close(low)
        return unsafe high
    }

    private func bind(_ port: UInt32) throws(Errno) {
        guard unsafe mnl_socket_bind(socket, 0, pid_t(bitPattern: port)) == 0 else { throw Errno.current }
    }

    private func set(_ option: CInt, _ value: UInt32) throws(Errno) {
        var value = value
        // SAFETY: the kernel copies four bytes out of `value` during the call.
        let result = unsafe mnl_socket_setsockopt(
            socket,
            option,
            &value,
            socklen_t(MemoryLayout<UInt32>.size)
        )
        guard result == 0 else { throw Errno.current }
    }

    var portID: UInt32 { unsafe mnl_socket_get_portid(socket) }

    var descriptor: CInt { unsafe mnl_socket_get_fd(socket) }

    func send(_ datagram: [UInt8]) throws(Errno) {
        // SAFETY: the array outlives the call, and the length is its own.
        let sent = unsafe datagram.withUnsafeBytes { bytes in
            unsafe mnl_socket_sendto(socket, bytes.baseAddress, bytes.count)
        }
        guard sent == datagram.count else { throw Errno.current }
    }

    func receive() throws(Errno) -> [UInt8]? {
        var failure: Errno?
        // 64 KiB: the kernel makes no larger part of a dump. libmnl says ENOSPC should one be cut.
        let datagram = unsafe [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
            // SAFETY: libmnl writes at most the buffer's length and returns how much.
            let received = unsafe mnl_socket_recvfrom(socket, buffer.baseAddress, buffer.count)
            if received < 0 { failure = Errno.current }
            count = max(0, received)
        }
        guard let failure else { return datagram }
        if failure.code == EAGAIN || failure.code == EINTR { return nil }
        throw failure
    }

    func setMembership(_ isMember: Bool, ofGroup group: UInt32) throws(Errno) {
        try set(isMember ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP, group)
    }
}
