// The bounds of every histogram as data, and the fast way from a measured number to its bucket.
// Prometheus buckets are "less or equal": a value that is exactly a bound belongs to that bound's bucket.

/// The bounds of a histogram, and the unit in which its sum is counted.
package struct Buckets: Hashable, Sendable {
    /// The upper bounds in ascending order, without the last one, which is +Inf.
    package let bounds: [Double]
    /// What one unit of a sum cell is worth in the exposition: 1e-9 where nanoseconds are summed.
    package let sumUnit: Double

    /// The buckets, +Inf included.
    package var count: Int { bounds.count + 1 }

    /// How many cells a histogram takes in `CounterCells`: its buckets, then its sum.
    package var cellCount: Int { count + 1 }

    // The same as constants for the packet path; a test holds them to the lists.
    @inlinable package static var durationCells: Int { 18 }
    @inlinable package static var latencyCells: Int { 22 }
    @inlinable package static var sizeCells: Int { 16 }
}

// MARK: - The lists

extension Buckets {
    /// Times to answer as CoreDNS has them: 250 microseconds, doubled up to 8.192 s.
    package static let duration = Buckets(bounds: doubled(from: 0.000_25, count: 16), sumUnit: 1e-9)

    /// Times of our own hit and miss histograms: 10 microseconds, doubled up to 5.24288 s.
    package static let latency = Buckets(bounds: doubled(from: 0.000_01, count: 20), sumUnit: 1e-9)

    /// Times of the health self-check, as CoreDNS has them.
    package static let health = Buckets(bounds: [0.000_25, 0.002_5, 0.025, 0.25, 2.5], sumUnit: 1e-9)

    /// Message sizes in bytes as CoreDNS has them; 8291 is its typing error, and dashboards know it.
    package static let size = Buckets(
        bounds: [0, 100, 200, 300, 400, 511, 1_023, 2_047, 4_095, 8_291, 16_000, 32_000, 48_000, 64_000],
        sumUnit: 1
    )

    private static func doubled(from first: Double, count: Int) -> [Double] {
        // Powers of two are exact, so each bound is the double nearest to its decimal form.
        (0..<count).map { first * Double(UInt64(1) << UInt64($0)) }
    }
}

// MARK: - From value to bucket

extension Buckets {
    /// The bucket of a time in `duration`: 0...16.
    @inlinable
    package static func durationIndex(nanoseconds: UInt64) -> Int {
        doublingIndex(nanoseconds, first: 250_000, last: 16)
    }

    /// The bucket of a time in `latency`: 0...20.
    @inlinable
    package static func latencyIndex(nanoseconds: UInt64) -> Int {
        doublingIndex(nanoseconds, first: 10_000, last: 20)
    }

    /// The bucket of a time in `health`: 0...5.
    @inlinable
    package static func healthIndex(nanoseconds: UInt64) -> Int {
        var index = 0
        var bound: UInt64 = 250_000
        while index < 5, nanoseconds > bound {
            index += 1
            bound *= 10
        }
        return index
    }

    /// The bucket of a message's size in `size`: 0...14.
    @inlinable
    package static func sizeIndex(bytes: Int) -> Int {
        if bytes <= 400 { return max(bytes + 99, 0) / 100 }
        if bytes <= 511 { return 5 }
        if bytes <= 1_023 { return 6 }
        if bytes <= 2_047 { return 7 }
        if bytes <= 4_095 { return 8 }
        if bytes <= 8_291 { return 9 }
        if bytes <= 16_000 { return 10 }
        if bytes <= 32_000 { return 11 }
        if bytes <= 48_000 { return 12 }
        return bytes <= 64_000 ? 13 : 14
    }

    /// The smallest k with value <= first * 2^k, at most `last`: the width in bits of (value - 1) / first.
    @inlinable
    static func doublingIndex(_ value: UInt64, first: UInt64, last: Int) -> Int {
        if value == 0 { return 0 }
        return min(UInt64.bitWidth - ((value - 1) / first).leadingZeroBitCount, last)
    }
}

// MARK: - Observing
//
// The sum's cell is behind the buckets: 17 of `duration`, 21 of `latency`, 15 of `size`. The numbers stand
// here as literals, because reading the lists' counts would cost a check for their first use each time.

extension CounterCells {
    /// Puts a time, seen `times` times, into the `Buckets.duration` histogram whose cells start at `base`.
    @inlinable
    package func observeDuration(nanoseconds: UInt64, times: UInt64 = 1, at base: Int) {
        add(times, at: base + Buckets.durationIndex(nanoseconds: nanoseconds))
        add(nanoseconds &* times, at: base + 17)
    }

    /// Puts a time, seen `times` times, into the `Buckets.latency` histogram whose cells start at `base`.
    @inlinable
    package func observeLatency(nanoseconds: UInt64, times: UInt64 = 1, at base: Int) {
        add(times, at: base + Buckets.latencyIndex(nanoseconds: nanoseconds))
        add(nanoseconds &* times, at: base + 21)
    }

    /// Puts a size into the `Buckets.size` histogram whose cells start at `base`.
    @inlinable
    package func observeSize(bytes: Int, at base: Int) {
        increment(base + Buckets.sizeIndex(bytes: bytes))
        add(UInt64(clamping: bytes), at: base + 15)
    }
}
