// When the servers behind a name are looked up, and what is made of what was found. A pure state machine:
// `DiscoveredGroup` asks and takes the servers into use.

package import Addresses
package import Timing

/// The servers that a name leads to.
package struct ServerDiscovery: Sendable {
    /// In a stable order, so that equal sets are equal lists; empty before the first answer.
    package private(set) var servers: [Endpoint] = []
    /// No look-up before this.
    package private(set) var next: Instant
    private var failures = 0
    private var lastLookUp: Instant?

    /// Every number with its reason.
    private enum Limits {
        /// A record without a time to live must not mean a look-up for each question.
        static let shortestLife = Interval.seconds(1)
        /// Whatever the record says: new pods shall get their share.
        static let longestLife = Interval.seconds(30)
        /// After a failure, doubled up to the second: the last good list is kept meanwhile.
        static let firstPause = Interval.milliseconds(500)
        static let longestPause = Interval.seconds(5)
    }

    /// Nothing is known; the first look-up is due at `now`.
    package init(at now: Instant) { next = now }

    /// Whether to look now; then report with `found` or `failed`.
    package mutating func isDue(at now: Instant) -> Bool {
        guard now >= next else { return false }
        lastLookUp = now
        // Until the outcome is known, which cannot take longer.
        next = now + Limits.longestPause
        return true
    }

    /// The name led to these servers, for so long; true when they are others than before.
    ///
    /// At most `ServerSet.capacity` are taken. None at all counts as a failure: a set that is being replaced is
    /// empty for a moment, and asking somebody who may be gone is better than asking nobody.
    package mutating func found(_ endpoints: [Endpoint], for life: Interval, at now: Instant) -> Bool {
        var unique: Set<Endpoint> = []
        let sorted = endpoints.filter { unique.insert($0).inserted }.sorted {
            $0.description < $1.description
        }
        guard !sorted.isEmpty else {
            failed(at: now)
            return false
        }
        failures = 0
        next = now + min(max(life, Limits.shortestLife), Limits.longestLife)
        let kept = Array(sorted.prefix(ServerSet.capacity))
        defer { servers = kept }
        return kept != servers
    }

    /// There was no usable answer.
    package mutating func failed(at now: Instant) {
        let pause = Limits.firstPause * (1 << UInt64(min(failures, 8)))
        next = now + min(pause, Limits.longestPause)
        failures += 1
    }

    /// A server stopped to answer: the name may know more, and is asked once more before its time.
    package mutating func wasSuspected(at now: Instant) {
        let soonest = lastLookUp.map { $0 + Limits.shortestLife } ?? now
        next = min(next, max(now, soonest))
    }
}
