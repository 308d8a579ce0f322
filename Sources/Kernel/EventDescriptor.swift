// Something happened: tells it to whoever waits for a descriptor.

import CLinux

/// An eventfd. Readable from the first `signal` until it is read.
package struct EventDescriptor: ~Copyable, Sendable {
    private let owned: OwnedDescriptor

    package init() throws(SystemError) {
        owned = OwnedDescriptor(owning: try checked("eventfd") { clinux_event_create() })
    }

    /// From any thread; several before the next read are one.
    package func signal() {
        // It fails only when 2^64 - 2 signals wait, which then are enough.
        _ = clinux_event_count(owned.raw)
    }

    /// A second descriptor of the same events, to wait for and to read eight octets from.
    package func reader() throws(SystemError) -> OwnedDescriptor { try owned.duplicate() }
}
