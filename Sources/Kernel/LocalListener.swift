// A Unix socket that says one line to everybody who connects, and the other side of that.

import Glibc

/// A door with one sentence.
package final class LocalListener: Sendable {
    private let socket: OwnedDescriptor

    /// Listens at `path`, for processes of this user alone. What an earlier process left there is removed.
    package init(at path: String) throws(SystemError) {
        let address = try LocalAddress(path)
        socket = try Self.open(path)
        let raw = socket.raw
        try Files.remove(path)
        try checked("listen \(path)") { unsafe address.with { unsafe bind(raw, $0, $1) } }
        try checked("chmod \(path)") { unsafe chmod(path, 0o600) }
        try checked("listen \(path)") { listen(raw, 16) }
    }

    /// Readable when somebody asks.
    package var descriptor: CInt { socket.raw }

    /// Says `line` to who waits, without waiting for anybody.
    package func answer(_ line: String) {
        while true {
            // Not close-on-exec for a moment: a worker that is spawned gets no descriptor but its own.
            let raw = accept(socket.raw, nil, nil)
            guard raw >= 0 else { return }
            _ = ProbeSocket.send(Array(line.utf8), OwnedDescriptor(owning: raw))
        }
    }

    /// What the process behind `path` says; empty when it says nothing in time.
    package static func ask(_ path: String, milliseconds: CInt) throws(SystemError) -> String {
        let address = try LocalAddress(path)
        let socket = try open(path)
        let raw = socket.raw
        try checked("connect \(path)") { unsafe address.with { unsafe connect(raw, $0, $1) } }
        var descriptor = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&descriptor, 1, milliseconds) > 0 else { return "" }
        return String(decoding: ProbeSocket.receive(socket) ?? [], as: UTF8.self)
    }

    private static func open(_ path: String) throws(SystemError) -> OwnedDescriptor {
        let flags = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        return OwnedDescriptor(
            owning: try checked("socket for \(path)") { Glibc.socket(AF_UNIX, flags, 0) }
        )
    }
}
