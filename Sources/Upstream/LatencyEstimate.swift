// How long a server takes to answer, learned from its answers in constant space: a histogram in half
// octaves that forgets by halving. Time-outs are not samples; what to do about them is the attempts' matter.

package import Timing

/// A server's smoothed latency and its 99th percentile.
package struct LatencyEstimate: Sendable {
    /// Bucket k ends at 64 us * 2^(k/2); the last one at 5.9 s takes all above.
    private var buckets = InlineArray<34, UInt16>(repeating: 0)
    private var total: UInt32 = 0
    /// Nanoseconds; a new sample weighs an eighth, as TCP's smoothed round-trip time (RFC 6298, 2.3).
    private var smoothedNanoseconds: UInt64 = 0
    private var knownPercentile = Interval.zero

    /// Past this the counts are halved, so that the last few hundred answers decide.
    private static let memory: UInt32 = 512
    /// Fewer samples say nothing about the hundredth of a hundred.
    private static let fewestSamples: UInt32 = 8
    private static let firstBound: UInt64 = 64_000

    /// Knows nothing yet.
    package init() {}

    /// Takes the latency of one answer.
    package mutating func add(_ sample: Interval) {
        let nanoseconds = sample.nanoseconds
        smoothedNanoseconds =
            total == 0 ? nanoseconds : smoothedNanoseconds - smoothedNanoseconds / 8 + nanoseconds / 8
        buckets[Self.bucket(of: nanoseconds)] += 1
        total += 1
        if total >= Self.memory { halve() }
        // The percentile moves slowly; adding up the buckets for every sixteenth sample is enough.
        if total < 2 * Self.fewestSamples || total.isMultiple(of: 16) { knownPercentile = percentile() }
    }

    /// The exponentially smoothed latency; zero before the first sample.
    package var smoothed: Interval { Interval(nanoseconds: smoothedNanoseconds) }

    /// The latency that 99 of 100 answers do not exceed, at most 41 % too high; nil while little is known.
    package var percentile99: Interval? { total < Self.fewestSamples ? nil : knownPercentile }

    /// How long to wait for this server before another one is asked too: twice the percentile, in bounds.
    package func patience(_ limits: ForwardLimits) -> Interval {
        guard let percentile99 else { return limits.longestPatience }
        return min(max(percentile99 * 2, limits.shortestPatience), limits.longestPatience)
    }
}

// MARK: - Helpers

extension LatencyEstimate {
    private static func bucket(of nanoseconds: UInt64) -> Int {
        var bound = firstBound
        for octave in 0..<16 {
            if nanoseconds <= bound { return 2 * octave }
            if nanoseconds <= bound + bound * 2 / 5 { return 2 * octave + 1 }
            bound *= 2
        }
        return 33
    }

    private static func upperBound(of bucket: Int) -> UInt64 {
        let bound = firstBound << UInt64(bucket / 2)
        return bucket.isMultiple(of: 2) ? bound : bound + bound * 2 / 5
    }

    private mutating func halve() {
        total = 0
        for index in buckets.indices {
            buckets[index] /= 2
            total += UInt32(buckets[index])
        }
    }

    private func percentile() -> Interval {
        var allowedAbove = total / 100
        for index in buckets.indices.reversed() {
            let count = UInt32(buckets[index])
            if count > allowedAbove { return Interval(nanoseconds: Self.upperBound(of: index)) }
            allowedAbove -= count
        }
        return .zero
    }
}
