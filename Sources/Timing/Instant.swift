// A point on the monotonic clock, in eight bytes. Nothing here reads the clock: whoever decides by
// time is handed an `Instant`, so that tests can hand it another.

/// A point in time on a clock that never jumps; meaningful only against another `Instant`.
package struct Instant: Hashable, Sendable {
    /// Nanoseconds since an arbitrary start (the kernel's CLOCK_MONOTONIC: since boot).
    package let nanoseconds: UInt64

    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// Whole seconds since the clock's start; the unit of every DNS lifetime.
    @inlinable
    package var seconds: UInt64 { nanoseconds / 1_000_000_000 }
}

extension Instant: Comparable {
    @inlinable
    package static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }
}

extension Instant {
    /// The instant `interval` later; saturates instead of wrapping.
    @inlinable
    package static func + (left: Instant, interval: Interval) -> Instant {
        let (sum, overflow) = left.nanoseconds.addingReportingOverflow(interval.nanoseconds)
        return Instant(nanoseconds: overflow ? .max : sum)
    }

    /// How long after `right` this is; zero when it is earlier.
    @inlinable
    package static func - (left: Instant, right: Instant) -> Interval {
        Interval(nanoseconds: left.nanoseconds > right.nanoseconds ? left.nanoseconds - right.nanoseconds : 0)
    }
}
