// How long may an answer stay, and as what? One pure function over the facts of the answer (RFC 2308, and
// the arithmetic of CoreDNS' `cache`, which people tune their zones by: the reference's 3.3).

package import DNSWire
import Timing

/// What an answer is to the cache.
package enum AnswerKind: UInt8, Sendable, CaseIterable {
    /// Records, or an empty answer without SOA, or a referral.
    case success
    /// NXDOMAIN or NODATA with the SOA that says how long to believe it (RFC 2308, 2).
    case denial
    /// SERVFAIL or NOTIMP, kept for a moment to spare a sick upstream (RFC 9520, 3.2).
    case serverError
}

/// The decision about one answer.
package struct Lifetime: Sendable, Hashable {
    /// Nil: not to be kept.
    package let kind: AnswerKind?
    /// Seconds; every TTL of the answer becomes this, kept or not. Zero is given out but not kept.
    package let seconds: UInt32
    /// Upstream has said what there is: older answers are out of date even where this one may not be kept.
    package let isConclusive: Bool

    /// Seconds for answers that carry no TTL of their own: SERVFAIL, referrals, empty ones.
    private static let withoutTTL: UInt32 = 5
    /// Seconds; no TTL counts for more than this when the smallest is looked for.
    private static let ceiling: UInt32 = 3600

    /// Decides about `answer` to a question of `type`.
    ///
    /// `wallClock` is the time of day in seconds since 1970, for the validity of signatures.
    package init(
        of answer: AnswerMessage,
        type: RecordType,
        settings: CacheSettings,
        wallClock: UInt32
    ) {
        let facts = answer.summary
        let smallest = min(facts.smallestTTL ?? Self.withoutTTL, Self.ceiling)
        let success = Self.clamp(smallest, to: settings.success)
        let brief = Self.clamp(Self.withoutTTL, to: settings.success)
        let kind: AnswerKind?
        let expired = facts.dnssecOK && Self.signaturesExpired(facts, wallClock)
        isConclusive =
            !facts.isTruncated && !expired
            && (answer.responseCode == .noError || answer.responseCode == .nameError)
        switch answer.responseCode {
        case _ where facts.isTruncated || type == .axfr || type == .ixfr:
            (kind, seconds) = (nil, brief)
        case _ where expired:
            (kind, seconds) = (nil, brief)
        case .noError where facts.answers > 0:
            (kind, seconds) = (.success, success)
        case .noError where facts.hasSOA, .nameError where facts.hasSOA:
            (kind, seconds) = (.denial, Self.clamp(smallest, to: settings.denial))
        case .serverFailure, .notImplemented:
            (kind, seconds) = (.serverError, settings.serverFailureTTL)
        case .noError where facts.hasNSInAuthority:
            (kind, seconds) = (.success, brief)
        case .noError:
            (kind, seconds) = (.success, success)
        default:
            // NXDOMAIN without SOA must not be kept (RFC 2308, 5); other codes say nothing about the name.
            (kind, seconds) = (nil, brief)
        }
        self.kind = seconds == 0 ? nil : kind
    }

    private static func clamp(_ ttl: UInt32, to limits: CacheSettings.Kind) -> UInt32 {
        min(max(ttl, limits.minimumTTL), limits.maximumTTL)
    }

    private static func signaturesExpired(_ facts: AnswerMessage.Summary, _ wallClock: UInt32) -> Bool {
        if facts.signaturesContradict { return true }
        guard let valid = facts.signaturesValid else { return false }
        return !valid.contains(wallClock)
    }
}

// MARK: - Failures of our own

extension Lifetime {
    /// Seconds at most that we remember not to have reached anybody (RFC 9520, 3.2, allows five minutes): an
    /// upstream that is back must not be hidden for longer by what we remember of it.
    private static let longestFailure: UInt32 = 5
    /// A failure found out within this time is tried again after a second, for ever: asking costs little.
    private static let costlyEffort = Interval.seconds(1)

    /// How long a failure of our own stays, in seconds: one at first, then twice as long as the time before,
    /// while trying again takes clients' time (the back-off of RFC 9520, 3.2).
    static func ofFailure(
        after effort: Interval,
        previous: CacheEntry.Head?,
        settings: CacheSettings,
        at now: Instant
    ) -> UInt32 {
        guard effort >= costlyEffort, let previous, previous.kind == .serverError else { return 1 }
        let end = Instant(nanoseconds: previous.storedAt) + .seconds(UInt64(previous.lifetime))
        guard now < end + .seconds(2 * UInt64(longestFailure)) else { return 1 }
        return min(previous.lifetime * 2, longestFailure, settings.serverFailureTTL)
    }
}
