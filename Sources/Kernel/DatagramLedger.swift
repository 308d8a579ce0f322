// What a packet thread has read and not answered yet, in memory that outlives the process when it is a file's: a
// worker that is killed owes these answers, and the next one gives them.

import CLinux
import Glibc

/// The debts of one packet thread. One thread reads and keeps, any thread settles.
@safe package final class DatagramLedger: @unchecked Sendable {
    // SAFETY: the pointer is set once; keeping is one thread's matter, and settling is one atomic store.
    let raw: OpaquePointer
    package let slots: Int
    package let receiveSize: Int

    /// Room for a batch of `slots` datagrams of `receiveSize` octets. With a memory file it holds what the last
    /// ledger in it owed; without, this process' memory is used.
    package init(slots: Int, receiveSize: Int, file: SharedDescriptor? = nil) throws(SystemError) {
        let raw = unsafe clinux_ledger_open(
            UInt32(clamping: slots),
            UInt32(clamping: receiveSize),
            file?.raw ?? -1
        )
        guard let raw = unsafe raw else { throw SystemError("map the datagrams' memory", errno: errno) }
        unsafe self.raw = raw
        self.slots = slots
        self.receiveSize = receiveSize
    }

    deinit { unsafe clinux_ledger_close(raw) }

    /// Keeps the datagram in `slot` beyond its batch, until its place is settled. Nil when there is no place, or when
    /// it is too long for one: then it dies with us.
    package func keep(slot: Int) -> Int? {
        let place = unsafe clinux_ledger_keep(raw, UInt32(slot))
        return place < 0 ? nil : Int(place)
    }

    /// The question in `place` has its answer, or does not get one. Once for each place.
    package func settle(place: Int) { unsafe clinux_ledger_settle(raw, CInt(place)) }
}
