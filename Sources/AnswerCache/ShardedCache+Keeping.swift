// What is put into the cache, and what an entry is told about its refreshes. One rule above all: a failure
// never takes the place of an answer that may still be given (RFC 8767, 4).

package import DNSWire
import Synchronization
package import Timing

extension ShardedCache {
    /// What became of an answer that was offered.
    package enum Insertion: Sendable, Equatable {
        case stored
        /// A failure does not take the place of an answer that can still be given.
        case keptBetter
        /// The byte budget is full of what may not be evicted for this.
        case noRoom
    }

    /// Keeps `answer` to `query` as `kind` for `lifetime` seconds from `now`.
    @discardableResult
    package func insert(
        _ answer: AnswerMessage,
        for query: borrowing Query,
        as kind: AnswerKind,
        lifetime: UInt32,
        at now: Instant
    ) -> Insertion {
        keep(answer, for: query, as: kind, at: now) { _ in lifetime }
    }

    /// Remembers that nobody could be asked about `query`, so that it is not tried again with every asker
    /// (RFC 9520, 3.2). `effort` is how long finding out took.
    @discardableResult
    package func insertFailure(
        for query: borrowing Query,
        after effort: Interval,
        at now: Instant
    ) -> Insertion {
        guard settings.serverFailureTTL > 0, let answer = AnswerMessage(failureOf: query) else {
            refreshFailed(query, at: now)
            return .keptBetter
        }
        return keep(answer, for: query, as: .serverError, at: now) { [settings] old in
            Lifetime.ofFailure(after: effort, previous: old, settings: settings, at: now)
        }
    }

    private func keep(
        _ answer: AnswerMessage,
        for query: borrowing Query,
        as kind: AnswerKind,
        at now: Instant,
        lifetime: (CacheEntry.Head?) -> UInt32
    ) -> Insertion {
        let (shard, tag) = place(of: query)
        var head = CacheEntry.Head(
            storedAt: now.nanoseconds,
            lastHitAt: CacheEntry.Head.millisecond(of: now),
            lifetime: 0,
            wireSize: UInt16(truncatingIfNeeded: answer.wire.count),
            ttlCount: UInt16(truncatingIfNeeded: answer.ttlOffsets.count),
            type: query.type.rawValue,
            recordClass: query.recordClass.rawValue,
            kind: kind,
            flags: CacheEntry.Flags(of: query)
        )
        return changing(shard) { table in
            let old = table.find(query, tag: tag)
            let oldHead = old.map { table.entry(at: $0).head }
            if let old, let oldHead {
                if kind == .serverError, oldHead.kind != .serverError,
                    Freshness(oldHead, settings, at: now) != .gone
                {
                    table.entry(at: old).head.noteFailedRefresh(at: now)
                    return .keptBetter
                }
                // Popularity outlives a refresh, else a popular name would be forgotten each time.
                head.hits = oldHead.hits
                head.lastHitAt = oldHead.lastHitAt
            }
            head.lifetime = lifetime(oldHead)
            let stored = table.insert(
                answer,
                head: head,
                tag: tag,
                replacing: old,
                budget: budget,
                now: now.nanoseconds,
                staleFor: settings.stale?.duration.nanoseconds ?? 0
            )
            return stored ? .stored : .noRoom
        }
    }
}

// MARK: - Room for others

extension ShardedCache {
    /// Gives up what is worth least, so that another cache of the same budget may keep an answer: without it, one
    /// block with a great many names could leave nothing to the others. Denials go first, wherever they are.
    package func makeRoom(
        for answer: AnswerMessage,
        to query: borrowing Query,
        as kind: AnswerKind,
        at now: Instant
    ) {
        // A shard that has an entry to give needs no more slots: only an empty one asks others, and it grows once.
        let wanted = CacheEntry.size(of: answer) + SlotTable.firstGrowth
        guard wanted <= budget.limit else { return }
        let first = place(of: query).shard
        var free = 0
        for droppingAnswers in kind == .success ? [false, true] : [false] {
            for index in 0..<shardCount where free < wanted {
                free += changing((first + index) % shardCount) { table in
                    table.giveUp(
                        wanted - free,
                        droppingAnswers: droppingAnswers,
                        budget: budget,
                        now: now.nanoseconds,
                        staleFor: settings.stale?.duration.nanoseconds ?? 0
                    )
                }
            }
        }
    }
}

// MARK: - Demand

extension ShardedCache {
    /// Whether there is an answer that has not expired. Is no hit.
    package func holdsFresh(_ query: borrowing Query, at now: Instant) -> Bool {
        let (shard, tag) = place(of: query)
        return unsafe shards[shard].withLock { table in
            guard let index = table.find(query, tag: tag) else { return false }
            if case .fresh = Freshness(table.entry(at: index).head, settings, at: now) { return true }
            return false
        }
    }

    /// A client waited for the answer while it was on its way.
    package func noteDemand(_ query: borrowing Query) {
        let (shard, tag) = place(of: query)
        unsafe shards[shard].withLock { table in
            if let index = table.find(query, tag: tag) { table.markVisited(index) }
        }
    }

    /// Whether a client has asked for the answer since it was put in; nil when it is not there.
    ///
    /// Reads the mark that a hit leaves for the order of eviction. In a full cache that mark may have been
    /// taken away again: good enough for a statistic.
    package func wasAskedFor(_ query: borrowing Query) -> Bool? {
        let (shard, tag) = place(of: query)
        return unsafe shards[shard].withLock { table in
            table.find(query, tag: tag).map { table.wasVisited($0) }
        }
    }
}

// MARK: - Refreshes

extension ShardedCache {
    /// The refresh of this question has failed: the next one starts after a pause, and nobody waits for it.
    package func refreshFailed(_ query: borrowing Query, at now: Instant) {
        change(query) { $0.noteFailedRefresh(at: now) }
    }

    /// The refresh of this question is under way and takes too long: nobody else waits for it.
    package func refreshIsLate(_ query: borrowing Query, at now: Instant) {
        change(query) { $0.noteLateRefresh(at: now) }
    }

    /// Upstream has said something else that may not be kept: what is stale must not be given any more.
    package func forgetStale(_ query: borrowing Query, at now: Instant) {
        let (shard, tag) = place(of: query)
        changing(shard) { table in
            guard let index = table.find(query, tag: tag),
                Freshness(table.entry(at: index).head, settings, at: now).isStale
            else { return }
            table.remove(UInt32(index), budget: budget)
        }
    }

    private func change(_ query: borrowing Query, _ body: (inout CacheEntry.Head) -> Void) {
        let (shard, tag) = place(of: query)
        unsafe shards[shard].withLock { table in
            guard let index = table.find(query, tag: tag) else { return }
            body(&table.entry(at: index).head)
        }
    }
}
