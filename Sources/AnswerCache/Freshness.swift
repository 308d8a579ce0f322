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
            let millisecond = Self.millisecond(of: now)
            let pause = Interval.milliseconds(UInt64(millisecond &- lastHitAt))
            hits = pause > prefetch.pause ? 1 : hits == .max ? .max : hits + 1
            lastHitAt = millisecond
        }
        guard now.seconds >= UInt64(refreshNotBefore) else { return false }
        let isDue: Bool
        switch freshness {
        case .stale, .gone: isDue = true
        case .fresh:
            guard let prefetch = settings.prefetch, kind != .serverError, hits >= prefetch.hits else {
                return false
            }
            isDue = now >= prefetchTime(prefetch)
        }
        if isDue { refreshNotBefore = Self.second(of: now + Self.refreshLife) }
        return isDue
    }

    /// When a popular entry is refreshed: at its share of the lifetime (whole seconds, rounded up, as CoreDNS
    /// counts), or up to half of that earlier. Nodes that stored an answer in the same second must not all come
    /// back in the same second; the nanosecond in which each of them stored it is as good as a die.
    private func prefetchTime(_ prefetch: CacheSettings.Prefetch) -> Instant {
        let whole = UInt64(lifetime)
        let share = (whole * UInt64(prefetch.percentage) + 99) / 100
        let mostEarly = min(share, whole - share) * 500_000_000
        let die = storedAt &* 0x9e37_79b9_7f4a_7c15
        let early = die.multipliedFullWidth(by: mostEarly).high
        return Instant(nanoseconds: storedAt) + Interval(nanoseconds: (whole - share) * 1_000_000_000 - early)
    }

    /// A refresh that did not come back within this time never will: no question lives half as long. It was
    /// shed on its way, and the entry must not wait for it for ever.
    private static let refreshLife = Interval.seconds(10)

    /// The refresh that is under way takes so long that nobody waits for it any more.
    mutating func noteLateRefresh(at now: Instant) {
        flags.insert(.refreshHasFailed)
        refreshNotBefore = Self.second(of: now + Self.refreshLife)
    }

    mutating func noteFailedRefresh(at now: Instant) {
        flags.insert(.refreshHasFailed)
        refreshNotBefore = Self.second(of: now + CacheSettings.Stale.recheck)
    }

    /// Whether a refresh has failed lately: whoever asks is better served with what there is.
    func isKnownToFail(at now: Instant) -> Bool {
        let pauseEnd = Instant(nanoseconds: UInt64(refreshNotBefore) * 1_000_000_000)
        return flags.contains(.refreshHasFailed) && now < pauseEnd + CacheSettings.Stale.memory
    }

    static func millisecond(of instant: Instant) -> UInt32 {
        UInt32(truncatingIfNeeded: instant.nanoseconds / 1_000_000)
    }

    private static func second(of instant: Instant) -> UInt32 { UInt32(truncatingIfNeeded: instant.seconds) }
}
