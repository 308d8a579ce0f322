// Several sockets listen on one address and port (SO_REUSEPORT), those of two agents during an upgrade: the kernel
// deals datagrams and connections out to them. Here is how a socket leaves that group so that nothing of what it
// was dealt is lost. All of it acts on the socket itself, for whoever else holds a descriptor of it as well.

import Addresses
import CLinux
import Glibc

package enum SocketGroup {
    /// Takes a UDP socket out for good: what is queued stays readable, and replies may still be sent, but nothing
    /// new is dealt to it (Linux 5.4; before that it goes on to get its share).
    ///
    /// A connected socket takes datagrams of its peer only. The peer is the loopback's discard port, where nobody
    /// is. It fails where the socket's address is not on this node; then nothing comes there either.
    package static func leave(datagram socket: CInt) {
        guard let own = Socket.localEndpoint(of: socket) else { return }
        let loopback = own.address.family == .v4 ? IPAddress(v4: 0x7f00_0001) : IPAddress(v6High: 0, low: 1)
        _ = unsafe SocketAddress.with(Endpoint(loopback, port: 9)) { unsafe connect(socket, $0, $1) }
    }

    /// Has the kernel give new connections to the second socket of the group: of two agents the one that came
    /// later. In a group of one nothing changes. Between the first packet of a connection and its place in the
    /// queue there is a moment in which closing the socket would reset it; so this first, then wait, then close.
    package static func leaveNewcomersToTheNext(stream socket: CInt) { _ = clinux_steer_to_second(socket) }

    /// Whether a connection waits for `accept`.
    package static func hasNewcomer(stream socket: CInt) -> Bool {
        var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&descriptor, 1, 0) > 0 && descriptor.revents & Int16(POLLIN) != 0
    }

    /// Takes a listening TCP socket out; what waits for `accept` is reset.
    package static func leave(stream socket: CInt) {
        // The next upgrade's sockets shall not find themselves steered.
        _ = clinux_steer_to_any(socket)
        // `close` would wait for the descriptors of the other process.
        _ = shutdown(socket, CInt(SHUT_RD))
    }
}
