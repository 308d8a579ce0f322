// Many datagrams with one system call each way. The buffers are made once and lent as spans; between receive
// and send nothing here allocates.

package import Addresses
package import CLinux
import Glibc
import Timing

/// Receive and reply buffers of one packet thread.
@safe package struct DatagramBatch: ~Copyable {
    private let batch: OpaquePointer
    package let ledger: DatagramLedger
    private let receiveSize: Int
    private let replySize: Int

    /// Receives into `ledger`; `replySize` in octets per datagram; nil when memory is short.
    package init?(ledger: DatagramLedger, replySize: Int) {
        guard let batch = unsafe clinux_batch_create(ledger.raw, UInt32(clamping: replySize)) else {
            return nil
        }
        unsafe self.batch = batch
        self.ledger = ledger
        receiveSize = ledger.receiveSize
        self.replySize = replySize
    }

    deinit { unsafe clinux_batch_destroy(batch) }

    /// Takes, as if it had just arrived, what the last user of the ledger's file owed; zero when there is no more.
    package mutating func takeOver() -> Int { Int(unsafe clinux_batch_take_over(batch)) }

    /// Takes what has arrived on `socket`; zero when nothing has, or when an interrupt ended the wait.
    package mutating func receive(from socket: CInt, waits: Bool) -> Int {
        let count = Int(unsafe clinux_batch_receive(batch, socket, waits ? 1 : 0))
        // Anything but an interrupt is trouble that lasts, such as short memory: do not spin on it.
        if count < 0, waits, errno != EINTR { Thread.pause(.milliseconds(1)) }
        return max(0, count)
    }

    /// Lends datagram `slot`, its sender and the next reply buffer; queues as many octets as `body` says, none for zero.
    @inline(__always)
    package mutating func reply(
        to slot: Int,
        _ body: (Span<UInt8>, DatagramPeer, inout MutableSpan<UInt8>) -> Int
    ) {
        let size = Int(unsafe clinux_batch_datagram_size(batch, UInt32(slot)))
        // SAFETY: the kernel wrote at most `receiveSize` octets; both buffers live as long as the batch, and
        // the spans end with the call.
        let packet = unsafe Span(
            _unsafeStart: UnsafePointer(clinux_batch_datagram(batch, UInt32(slot))),
            count: min(size, receiveSize)
        )
        var output = unsafe MutableSpan(_unsafeStart: clinux_batch_reply(batch), count: replySize)
        let written = body(packet, peer(of: slot), &output)
        if written > 0 {
            unsafe clinux_batch_queue(batch, UInt32(written), clinux_batch_peer(batch, UInt32(slot)))
        }
    }

    /// Who sent datagram `slot`.
    package func peer(of slot: Int) -> DatagramPeer {
        DatagramPeer(raw: unsafe clinux_batch_peer(batch, UInt32(slot)).pointee)
    }

    /// A copy of datagram `slot`; for those that have to wait.
    package func octets(of slot: Int) -> [UInt8] {
        let size = min(Int(unsafe clinux_batch_datagram_size(batch, UInt32(slot))), receiveSize)
        // SAFETY: the kernel wrote at least `size` octets there.
        return unsafe Array(
            UnsafeBufferPointer(start: clinux_batch_datagram(batch, UInt32(slot)), count: size)
        )
    }

    /// Sends the queued replies; returns how many the kernel took.
    @discardableResult
    package mutating func send(on socket: CInt) -> Int {
        Int(unsafe clinux_batch_send(batch, socket))
    }

    /// How many replies wait for `send`.
    package var queued: Int { Int(unsafe clinux_batch_queued(batch)) }
}

/// Where a later reply goes, and which of our addresses it leaves from.
package struct DatagramPeer: Sendable {
    fileprivate var raw: clinux_peer

    package init(raw: clinux_peer) { self.raw = raw }

    /// The sender's address and port.
    package var endpoint: Endpoint? {
        unsafe withUnsafeBytes(of: raw.address) { unsafe SocketAddress.endpoint(in: $0) }
    }

    /// Sends one datagram; errors are the network's matter and the client will ask again.
    @discardableResult
    package func send(_ octets: Span<UInt8>, on socket: CInt) -> Bool {
        unsafe withUnsafePointer(to: raw) { peer in
            unsafe octets.withUnsafeBufferPointer { buffer in
                unsafe clinux_send(socket, buffer.baseAddress, UInt32(buffer.count), peer) >= 0
            }
        }
    }
}
