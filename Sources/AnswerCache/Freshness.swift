// How old is an entry, and is it time to refresh it? Decisions only, over the entry's head and the settings.

import DNSWire
import Timing

/// The age of an entry against its lifetime.
enum Freshness: Equatable {
    /// Seconds left, at least one.
    case fresh(UInt32)
    case stale
    case gone

    init(_ head: CacheEntry.Head, _ settings: CacheSettings, at now: Instant) {
        let age = now - Instant(nanoseconds: head.storedAt)
        let seconds = age.nanoseconds / 1_000_000_000
        if seconds < UInt64(head.lifetime) {
            self = .fresh(head.lifetime - UInt32(truncatingIfNeeded: seconds))
        } else if let stale = settings.stale,
            age < .seconds(UInt64(head.lifetime)) + stale.duration, head.kind != .serverError
        {
            self = .stale
        } else {
            self = .gone
        }
    }

    var isStale: Bool { self == .stale }

    /// Seconds for the reply's TTLs. Stale answers go out with 0, as node-cache's do: nobody downstream keeps
    /// them, so the fresh answer is seen as soon as there is one.
    var timeToLive: UInt32 {
        if case .fresh(let left) = self { return left }
        return 0
    }
}

extension CacheEntry.Head {
    /// Counts a hit; true when the caller should refresh the entry, and nobody else was told to.
    mutating func countHit(_ settings: CacheSettings, _ freshness: Freshness, at now: Instant) -> Bool {
        if let prefetch = settings.prefetch {
            let pause = now - Instant(nanoseconds: lastHitAt)
            hits = pause > prefetch.pause ? 1 : hits == .max ? .max : hits + 1
            lastHitAt = now.nanoseconds
        }
        guard !isBeingRefreshed(at: now) else { return false }
        let isDue: Bool
        switch freshness {
        case .stale, .gone: isDue = true
        case .fresh(let left):
            guard let prefetch = settings.prefetch, kind != .serverError, hits >= prefetch.hits else {
                return false
            }
            let threshold = (UInt64(lifetime) * UInt64(prefetch.percentage) + 99) / 100
            isDue = UInt64(left) <= threshold
        }
        if isDue { refreshAskedAt = UInt32(truncatingIfNeeded: max(1, now.seconds)) }
        return isDue
    }

    /// A refresh that did not come back in ten seconds never will: no question lives half as long. It was
    /// shed on its way, and the entry must not wait for it for ever.
    private func isBeingRefreshed(at now: Instant) -> Bool {
        refreshAskedAt != 0 && now.seconds < UInt64(refreshAskedAt) + 10
    }
}
