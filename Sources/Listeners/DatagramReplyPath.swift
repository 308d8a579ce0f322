// The way back of a UDP query that had to wait: the same socket, so that the reply leaves from the address
// that was asked.

package import Addresses
import Kernel
package import Resolution

/// Where to send a late reply.
package struct DatagramReplyPath: ReplyPath {
    private let socket: SharedDescriptor
    private let peer: DatagramPeer

    init(socket: SharedDescriptor, peer: DatagramPeer) {
        self.socket = socket
        self.peer = peer
    }

    package var transport: Transport { .udp }

    package var client: Endpoint? { peer.endpoint }

    package func deliver(_ reply: Span<UInt8>) {
        peer.send(reply, on: socket.raw)
    }
}
