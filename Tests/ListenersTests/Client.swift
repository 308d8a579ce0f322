// A client with blocking sockets, so that a test reads like a conversation. Every wait ends after five seconds.

import Addresses
import Glibc
import Kernel
import TestSupport

/// A connected socket of either kind.
final class SocketClient {
    private let socket: CInt

    init(_ type: __socket_type, to server: Endpoint) throws {
        socket = Glibc.socket(AF_INET, CInt(type.rawValue), 0)
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = server.port.bigEndian
        address.sin_addr.s_addr = UInt32(truncatingIfNeeded: server.address.low).bigEndian
        let code = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Failure.connect(errno) }
    }

    enum Failure: Error { case connect(CInt) }

    deinit { close(socket) }

    func send(_ octets: [UInt8]) { _ = Glibc.send(socket, octets, octets.count, CInt(MSG_NOSIGNAL)) }

    /// What came, at most `count` octets; empty at the end of a stream, or when nothing comes.
    func receive(_ count: Int = 65_535) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let size = recv(socket, &buffer, count, 0)
        return Array(buffer.prefix(max(0, size)))
    }

    /// Says that nothing more will be asked.
    func finish() { shutdown(socket, CInt(SHUT_WR)) }

    // MARK: Messages on a stream

    /// Sends each question with its length in front, all in one write.
    func ask(_ questions: [Message]) {
        send(questions.map { $0.encoded() }.flatMap { [UInt8($0.count >> 8), UInt8($0.count & 0xff)] + $0 })
    }

    /// The next message of the stream; nil at its end.
    func answer() -> Message? {
        guard let length = exactly(2), let octets = exactly(Int(length[0]) << 8 | Int(length[1])) else {
            return nil
        }
        return Message(octets)
    }

    /// Whether the other side has closed, or broken off, and sent nothing more.
    var isAtEnd: Bool {
        var octet: UInt8 = 0
        let size = recv(socket, &octet, 1, 0)
        return size == 0 || size < 0 && errno == ECONNRESET
    }

    /// Whether something has come already.
    var hasInput: Bool {
        var octet: UInt8 = 0
        return recv(socket, &octet, 1, CInt(MSG_PEEK) | CInt(MSG_DONTWAIT)) > 0
    }

    /// `isAtEnd`, without waiting for it.
    var hasEnded: Bool {
        var octet: UInt8 = 0
        let size = recv(socket, &octet, 1, CInt(MSG_DONTWAIT))
        return size == 0 || size < 0 && errno != EAGAIN
    }

    private func exactly(_ count: Int) -> [UInt8]? {
        var octets: [UInt8] = []
        while octets.count < count {
            let more = receive(count - octets.count)
            if more.isEmpty { return nil }
            octets += more
        }
        return octets
    }
}
