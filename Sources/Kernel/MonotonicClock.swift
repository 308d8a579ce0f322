// Reads the clocks; nobody else does.

import Glibc
package import Timing

package enum MonotonicClock {
    /// CLOCK_MONOTONIC: no system call (vDSO), no jumps.
    package static func now() -> Instant {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    /// The time of day at `instant`, in nanoseconds since 1970, as the clock is set now.
    package static func wallClock(at instant: Instant) -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        let wall = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        return wall &+ instant.nanoseconds &- now().nanoseconds
    }

    /// The time of day in seconds since 1970, as DNSSEC signatures count it (RFC 4034, 3.1.5).
    package static func wallClockSeconds() -> UInt32 {
        UInt32(truncatingIfNeeded: time(nil))
    }
}
