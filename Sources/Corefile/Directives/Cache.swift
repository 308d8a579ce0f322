// `cache`: keep answers. Which answers, how many and for how long (node-cache reference 3.3).

package import DNSWire

/// What the `cache` line of a block says, defaults filled in.
package struct CacheConfiguration: PluginConfiguration {
    /// Bounds of one of the two stores.
    package struct Store: Hashable, Sendable {
        /// As written; CoreDNS rounds it (`effectiveCapacity`).
        package var capacity: Int
        /// Lifetimes are cut to this, in seconds; at least one.
        package var maximumTTL: UInt32
        /// Lifetimes are raised to this, in seconds; the maximum wins where the two cross.
        package var minimumTTL: UInt32

        package init(capacity: Int, maximumTTL: UInt32, minimumTTL: UInt32) {
            self.capacity = capacity
            self.maximumTTL = maximumTTL
            self.minimumTTL = minimumTTL
        }

        /// CoreDNS keeps 256 shards of at least four entries each; we keep the same total.
        package var effectiveCapacity: Int { max(capacity / 256, 4) * 256 }
    }

    /// When a popular answer is refreshed before it ends.
    package struct Prefetch: Hashable, Sendable {
        /// Hits after which an answer counts as popular; zero is off.
        package var amount: Int
        /// A gap between hits longer than this starts the count again.
        package var duration: GoDuration
        /// Refresh when this share of the lifetime is left; 10 to 90.
        package var percentage: Int

        package init(amount: Int, duration: GoDuration, percentage: Int) {
            self.amount = amount
            self.duration = duration
            self.percentage = percentage
        }
    }

    /// Answers past their lifetime (RFC 8767).
    package struct ServeStale: Hashable, Sendable {
        /// What comes first, the old answer or the question.
        package enum Mode: String, Sendable {
            /// Answer now, refresh behind it.
            case immediate
            /// Ask upstream first, answer stale only when that fails or takes too long.
            case verify
        }
        /// How long past its lifetime an answer may serve; never zero (that is off: nil).
        package var duration: GoDuration
        package var mode: Mode
        /// How long `verify` waits before it answers stale; zero is as long as upstream may take.
        package var verifyTimeout: GoDuration

        package init(
            duration: GoDuration,
            mode: Mode,
            verifyTimeout: GoDuration = Cache.verifyTimeout.defaultValue
        ) {
            self.duration = duration
            self.mode = mode
            self.verifyTimeout = verifyTimeout
        }
    }

    /// Names below these are cached; the block's zones unless the line names some.
    package var zones: [DomainName]
    /// Answers that say something.
    package var success: Store
    /// Answers that say no, and failures.
    package var denial: Store
    /// Nil is off.
    package var prefetch: Prefetch?
    /// Nil is off.
    package var serveStale: ServeStale?
    /// How long an upstream's SERVFAIL is kept, and the most for one of our own; zero is not at all.
    package var serverFailureDuration: GoDuration
    /// Names below these are not stored in the success store.
    package var disabledForSuccess: [DomainName]
    /// Names below these are not stored in the denial store.
    package var disabledForDenial: [DomainName]
    /// Hits show the original lifetime instead of the rest.
    package var keepsTTL: Bool
    /// After a denial the names that search lists lead to are asked ahead: so many questions each second at
    /// most. Nil is off.
    package var searchAhead: Int?
}

extension ServerBlockConfiguration {
    /// Nil without a `cache` line.
    package var cache: CacheConfiguration? { plugin() }
}
