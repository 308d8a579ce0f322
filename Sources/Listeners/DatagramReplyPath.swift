// The way back of a UDP query that had to wait: the same socket, so that the reply leaves from the address
// that was asked.

import Addresses
import Kernel
import Resolution
import Synchronization

/// Where to send a late reply. As long as it lives and has sent none, the reply is owed beyond our death.
final class DatagramReplyPath: ReplyPath {
    private let socket: SharedDescriptor
    private let peer: DatagramPeer
    private let ledger: DatagramLedger
    /// Where the ledger keeps the question; negative when it does not.
    private let place: Atomic<Int>

    init(socket: SharedDescriptor, peer: DatagramPeer, ledger: DatagramLedger, place: Int?) {
        self.socket = socket
        self.peer = peer
        self.ledger = ledger
        self.place = Atomic(place ?? -1)
    }

    deinit { settle() }

    var transport: Transport { .udp }

    var client: Endpoint? { peer.endpoint }

    func deliver(_ reply: Span<UInt8>) {
        peer.send(reply, on: socket.raw)
        settle()
    }

    private func settle() {
        let place = place.exchange(-1, ordering: .relaxed)
        if place >= 0 { ledger.settle(place: place) }
    }
}
