// A descriptor that another thread makes readable.

import Glibc
import Kernel

struct WakeUp: ~Copyable, Sendable {
    private let reading: OwnedDescriptor
    private let writing: OwnedDescriptor

    init() throws(SystemError) {
        var ends: [CInt] = [-1, -1]
        try checked("pipe") { pipe(&ends) }
        reading = OwnedDescriptor(owning: ends[0])
        writing = OwnedDescriptor(owning: ends[1])
    }

    var descriptor: CInt { reading.raw }

    /// Makes the descriptor readable for ever; safe from any thread.
    func signal() {
        var octet: UInt8 = 1
        _ = write(writing.raw, &octet, 1)
    }
}
