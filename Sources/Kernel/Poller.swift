// Waits for descriptors.

import CLinux
import Glibc

/// An epoll instance, level triggered.
package struct Poller: ~Copyable, Sendable {
    private let epoll: OwnedDescriptor

    package init() throws(SystemError) {
        epoll = OwnedDescriptor(
            owning: try checked("epoll_create1") { epoll_create1(CInt(EPOLL_CLOEXEC)) }
        )
    }

    /// Reports `descriptor` as `token` whenever it is readable, or, when asked, as long as it is writable: the
    /// end of a `connect`.
    package func add(_ descriptor: CInt, token: UInt64, whenWritable: Bool = false) throws(SystemError) {
        var event = unsafe epoll_event()
        unsafe event.events = whenWritable ? EPOLLOUT.rawValue : EPOLLIN.rawValue
        unsafe event.data.u64 = token
        try checked("epoll_ctl add \(descriptor)") {
            unsafe epoll_ctl(epoll.raw, EPOLL_CTL_ADD, descriptor, &event)
        }
    }

    package func remove(_ descriptor: CInt) {
        var event = unsafe epoll_event()
        _ = unsafe epoll_ctl(epoll.raw, EPOLL_CTL_DEL, descriptor, &event)
    }

    /// Waits for at most `milliseconds` (-1: for ever) and calls `body` with the token of each ready
    /// descriptor; an interruption by a signal counts as nothing ready.
    package func wait(milliseconds: CInt, _ body: (UInt64) -> Void) {
        unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) { events in
            let count = unsafe epoll_wait(epoll.raw, events.baseAddress, CInt(events.count), milliseconds)
            for index in 0..<max(0, Int(count)) {
                body(unsafe events[index].data.u64)
            }
        }
    }
}
