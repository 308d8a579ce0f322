// What a block's `cache` line asks for, as numbers. Defaults and meaning are those of CoreDNS' plugin (the
// reference's 3.3).

package import Timing

/// The settings of one cache.
package struct CacheSettings: Sendable, Hashable {
    /// One of the two kinds of answers that have limits of their own.
    package struct Kind: Sendable, Hashable {
        /// Entries at most; CoreDNS never holds fewer than 1024, and so do we.
        package var capacity: Int
        /// Seconds; TTLs above are lowered to it.
        package var maximumTTL: UInt32
        /// Seconds; TTLs below are raised to it.
        package var minimumTTL: UInt32

        package init(capacity: Int, maximumTTL: UInt32, minimumTTL: UInt32) {
            self.capacity = capacity
            self.maximumTTL = maximumTTL
            self.minimumTTL = minimumTTL
        }
    }

    /// Refreshing popular answers before they expire.
    package struct Prefetch: Sendable, Hashable {
        /// Hits without a pause that make an answer popular.
        package var hits: UInt16
        /// The pause that starts the count anew.
        package var pause: Interval
        /// Refresh when at most this share of the lifetime is left, in percent.
        package var percentage: UInt32

        package init(hits: UInt16, pause: Interval, percentage: UInt32) {
            self.hits = hits
            self.pause = pause
            self.percentage = percentage
        }
    }

    /// Answering with what has expired.
    package struct Stale: Sendable, Hashable {
        /// How long behind its expiry an answer may still be given.
        package var duration: Interval
        /// Ask upstream first, and give the old answer only when that fails or takes too long.
        package var verifies: Bool
        /// How long a client waits for upstream where `verifies` (RFC 8767, 5: client response timer); nil
        /// for as long as the question lives.
        package var patience: Interval?
        /// The pause between a refresh that failed and the next try (RFC 8767, 5: failure recheck timer). The
        /// RFC recommends half a minute, for authorities far away; our upstreams are near and soon back.
        package static let recheck = Interval.seconds(5)
        /// For so long after that pause nobody waits for the next try either: it is made in the background.
        package static let memory = Interval.seconds(30)

        package init(duration: Interval, verifies: Bool, patience: Interval? = nil) {
            self.duration = duration
            self.verifies = verifies
            self.patience = patience
        }
    }

    package var success = Kind(capacity: 9984, maximumTTL: 3600, minimumTTL: 5)
    package var denial = Kind(capacity: 9984, maximumTTL: 1800, minimumTTL: 5)
    /// Seconds that a SERVFAIL of an upstream stays, and the most that one of our own does; 0: not at all.
    package var serverFailureTTL: UInt32 = 5
    package var prefetch: Prefetch?
    package var stale: Stale?
    /// Show the lifetime as stored instead of what is left of it.
    package var keepsTTL = false

    package init() {}
}
