// One alarm clock for an event loop. The loop asks its state machines for the earliest deadline and sets this.

import CLinux
import Glibc
package import Timing

/// A timerfd on CLOCK_MONOTONIC, the clock of `MonotonicClock.now`.
package struct TimerDescriptor: ~Copyable, Sendable {
    private let owned: OwnedDescriptor

    package init() throws(SystemError) {
        owned = OwnedDescriptor(owning: try checked("timerfd_create") { clinux_timer_create() })
    }

    /// Becomes readable at the set time, until it is set again.
    package var descriptor: CInt { owned.raw }

    /// Sets the alarm; a time that has passed rings at once, nil never. Setting also silences a ringing alarm.
    package func set(_ time: Instant?) {
        // Zero would disarm it (timerfd_settime(2)).
        _ = clinux_timer_arm(owned.raw, time.map { max($0.nanoseconds, 1) } ?? 0)
    }
}
