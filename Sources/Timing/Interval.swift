// A length of time in eight bytes. `Swift.Duration` is sixteen bytes of attoseconds: more than a packet
// path wants to carry, and it can be negative, which none of our time-outs is.

/// A length of time, never negative.
package struct Interval: Hashable, Sendable {
    package let nanoseconds: UInt64

    @inlinable
    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    @inlinable
    package static func milliseconds(_ count: UInt64) -> Interval { Interval(nanoseconds: count * 1_000_000) }

    @inlinable
    package static func seconds(_ count: UInt64) -> Interval { Interval(nanoseconds: count * 1_000_000_000) }

    package static let zero = Interval(nanoseconds: 0)

    /// Whole milliseconds, rounded up: a timer set with it never fires early.
    package var millisecondsRoundedUp: UInt64 { (nanoseconds + 999_999) / 1_000_000 }

    /// For metrics and log lines.
    package var inSeconds: Double { Double(nanoseconds) / 1e9 }
}

extension Interval: Comparable {
    @inlinable
    package static func < (left: Interval, right: Interval) -> Bool { left.nanoseconds < right.nanoseconds }

    @inlinable
    package static func * (left: Interval, factor: UInt64) -> Interval {
        Interval(nanoseconds: left.nanoseconds * factor)
    }

    @inlinable
    package static func / (left: Interval, divisor: UInt64) -> Interval {
        Interval(nanoseconds: left.nanoseconds / divisor)
    }
}

extension Interval {
    @inlinable
    package static func + (left: Interval, right: Interval) -> Interval {
        let (sum, overflow) = left.nanoseconds.addingReportingOverflow(right.nanoseconds)
        return Interval(nanoseconds: overflow ? .max : sum)
    }
}
