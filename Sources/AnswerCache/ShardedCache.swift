// The answers of one server block, spread over shards with a lock each; what is put in and taken back is in
// ShardedCache+Keeping.swift. A look-up holds one lock for one
// probe and one copy; an insert holds it for the change of the table. No lock is held across a call out,
// and never two at once.

package import DNSWire
import Synchronization
package import Timing

/// The cache of one server block.
@safe package final class ShardedCache: Sendable {
    package let settings: CacheSettings
    let budget: ByteBudget
    // SAFETY: allocated and initialised in `init`, released in `deinit`, never reseated; what it points to is
    // reached through its mutex only.
    nonisolated(unsafe) let shards: UnsafeMutablePointer<Mutex<CacheShard>>
    let shardCount: Int
    /// What the shards hold together, kept beside them: whoever counts must not make a look-up wait.
    private let tally = CacheTally()

    /// CoreDNS rounds every capacity below this up to it.
    package static let smallestCapacity = 1024
    /// Enough that four threads rarely meet, few enough that each holds a useful share of the capacity.
    private static let mostShards = 64

    package init(settings: CacheSettings, budget: ByteBudget) {
        self.settings = settings
        self.budget = budget
        let positive = max(settings.success.capacity, Self.smallestCapacity)
        let negative = max(settings.denial.capacity, Self.smallestCapacity)
        shardCount = Self.mostShards
        unsafe shards = .allocate(capacity: shardCount)
        for index in 0..<shardCount {
            unsafe (shards + index).initialize(
                to: Mutex(
                    CacheShard(
                        positiveCapacity: (positive + shardCount - 1) / shardCount,
                        negativeCapacity: (negative + shardCount - 1) / shardCount
                    )
                )
            )
        }
    }

    deinit {
        for index in 0..<shardCount {
            budget.giveBack(unsafe shards[index].withLock { $0.octets })
        }
        unsafe shards.deinitialize(count: shardCount)
        unsafe shards.deallocate()
    }

    /// Type and class join the hash of the name: A and AAAA of one name need not share a chain.
    @inline(__always)
    func place(of query: borrowing Query) -> (shard: Int, tag: UInt32) {
        let hash = query.hash ^ UInt64(query.type.rawValue) &* 0x9e37_79b9_7f4a_7c15
        return (Int(truncatingIfNeeded: hash >> 48) & (shardCount - 1), UInt32(truncatingIfNeeded: hash))
    }
}

// MARK: - Looking up

/// What the cache has to say to a question.
package enum CacheLookup: Sendable, Equatable {
    case miss
    /// The reply stands in the buffer.
    case hit(Hit)
    /// Only a stale answer, and the settings want upstream asked first.
    case staleIfUpstreamFails

    package struct Hit: Sendable, Equatable {
        /// Octets of the reply.
        package let size: Int
        package let kind: AnswerKind
        package let isStale: Bool
        /// The caller should ask upstream in the background; nobody else was told to.
        package let wantsRefresh: Bool
    }
}

/// What the caller allows a look-up to do.
package struct LookupOptions: Sendable {
    /// Octets of the largest reply.
    package var limit: Int
    /// The upstream has failed: give a stale answer also where the settings say verify.
    package var acceptsStale = false
    /// Count this look-up as popularity, and let it start a refresh.
    package var countsAsHit = true

    package init(limit: Int) { self.limit = limit }
}

extension ShardedCache {
    /// Writes the answer to `query` into `output`, aged to `now`.
    package func lookup(
        _ query: borrowing Query,
        packet: Span<UInt8>,
        options: LookupOptions,
        at now: Instant,
        into output: inout MutableSpan<UInt8>
    ) -> CacheLookup {
        let (shard, tag) = place(of: query)
        return unsafe shards[shard].withLock { table in
            guard let index = table.find(query, tag: tag) else { return .miss }
            let entry = table.entry(at: index)
            var head = entry.head
            let freshness = Freshness(head, settings, at: now)
            switch freshness {
            case .gone: return .miss
            case .stale
            where settings.stale?.verifies == true && !options.acceptsStale && !head.isKnownToFail(at: now):
                return .staleIfUpstreamFails
            case .fresh, .stale: break
            }
            let wantsRefresh = options.countsAsHit && head.countHit(settings, freshness, at: now)
            if options.countsAsHit {
                table.markVisited(index)
                // Only refreshing needs what was counted: other hits leave the entry's cache line clean.
                if wantsRefresh || settings.prefetch != nil { entry.head = head }
            }
            let size = entry.withAnswer(head) { answer, places in
                let style = ReplyStyle(
                    timeToLive: settings.keepsTTL && !freshness.isStale
                        ? head.lifetime : freshness.timeToLive,
                    isAuthoritative: true,
                    limit: options.limit,
                    extendedError: head.kind == .serverError || freshness.isStale
                        ? Self.extendedError(of: answer, isStale: freshness.isStale) : nil
                )
                return ReplyWriter.write(
                    answer,
                    ttlOffsets: places,
                    extendedCode: 0,
                    to: query,
                    packet: packet,
                    style: style,
                    into: &output
                )
            }
            return .hit(
                CacheLookup.Hit(
                    size: size,
                    kind: head.kind,
                    isStale: freshness.isStale,
                    wantsRefresh: wantsRefresh
                )
            )
        }
    }
}

extension ShardedCache {
    /// Why an answer is not as fresh from upstream as it looks (RFC 8914, 4.4, 4.14 and 4.20).
    private static func extendedError(of answer: Span<UInt8>, isStale: Bool) -> ExtendedError? {
        switch HeaderFlags(rawValue: answer.uint16(at: 2)).responseCode {
        case .nameError where isStale: .staleDenial
        case _ where isStale: .staleAnswer
        case .serverFailure: .cachedError
        default: nil
        }
    }
}

// MARK: - Counting

extension ShardedCache {
    /// Entries and evictions by kind, and octets.
    package struct Census: Sendable, Equatable {
        package var entries = (success: 0, denial: 0)
        package var evictions = (success: 0, denial: 0)
        package var octets = 0

        package static func == (left: Census, right: Census) -> Bool {
            left.entries == right.entries && left.evictions == right.evictions && left.octets == right.octets
        }
    }

    /// The counts of all shards together; takes no lock, and may be a moment old.
    package func census() -> Census { tally.census }

    /// Changes the table of `shard`, and notes what that did to the counts.
    func changing<Result>(_ shard: Int, _ body: (inout CacheShard) -> sending Result) -> Result {
        unsafe shards[shard].withLock { table in
            let before = table.census
            defer { tally.note(table.census, after: before) }
            return body(&table)
        }
    }
}
