// Client sockets that never wait, for asking ourselves.

package import Addresses
import Glibc

package enum ProbeSocket {
    /// Begins a connection over UDP or TCP; writable when it stands, or has failed. Its packets carry `mark`, if
    /// we may (NET_ADMIN); without the right it is an ordinary client's.
    package static func connect(
        isStream: Bool,
        to endpoint: Endpoint,
        mark: UInt32? = nil
    ) throws(SystemError) -> OwnedDescriptor {
        let type = isStream ? SOCK_STREAM : SOCK_DGRAM
        let flags = CInt(type.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let family = endpoint.address.family == .v4 ? AF_INET : AF_INET6
        let socket = OwnedDescriptor(
            owning: try checked("socket for \(endpoint)") { Glibc.socket(family, flags, 0) }
        )
        let raw = socket.raw
        if var mark {
            // SAFETY: the call only reads the number.
            _ = unsafe setsockopt(raw, SOL_SOCKET, SO_MARK, &mark, socklen_t(MemoryLayout<UInt32>.size))
        }
        do throws(SystemError) {
            try checked("connect \(endpoint)") {
                unsafe SocketAddress.with(endpoint) { unsafe Glibc.connect(raw, $0, $1) }
            }
        } catch {
            if error.errno != EINPROGRESS { throw error }
        }
        return socket
    }

    /// Sends all bytes or nothing; whether it did.
    package static func send(_ bytes: [UInt8], _ socket: borrowing OwnedDescriptor) -> Bool {
        // SAFETY: the array outlives the call.
        unsafe Glibc.send(socket.raw, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count
    }

    /// What has arrived, at most 4 KiB; nothing is an empty array, nil the end or an error.
    package static func receive(_ socket: borrowing OwnedDescriptor) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        // SAFETY: the call writes at most as much as the array holds.
        let count = unsafe recv(socket.raw, &bytes, bytes.count, 0)
        if count < 0 { return errno == EAGAIN || errno == EINTR ? [] : nil }
        return count == 0 ? nil : Array(bytes[..<count])
    }
}
