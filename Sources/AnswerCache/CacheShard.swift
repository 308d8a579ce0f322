// One slice of the cache: a table, its orders of eviction, and the accounting of its memory. The lock around
// it is ShardedCache's; nothing here blocks or calls out.

import DNSWire

/// A bounded table of answers.
struct CacheShard: ~Copyable {
    private var table = SlotTable()
    /// Two orders: an answer is never evicted in favour of a denial or a failure, nor the other way round.
    private var positive = EvictionQueue()
    private var negative = EvictionQueue()
    private let positiveCapacity: Int
    private let negativeCapacity: Int
    /// Evictions since the start.
    private(set) var evictions = (success: 0, denial: 0)
    /// Octets of all entries, and what the table has grown by to hold them.
    private(set) var octets = 0

    init(positiveCapacity: Int, negativeCapacity: Int) {
        self.positiveCapacity = min(positiveCapacity, SlotTable.mostSlots / 2)
        self.negativeCapacity = min(negativeCapacity, SlotTable.mostSlots / 2)
    }

    deinit { table.forEach { $0.free() } }

    /// What this shard adds to the cache's census.
    var census: ShardedCache.Census {
        var census = ShardedCache.Census()
        census.entries = (positive.count, negative.count)
        census.evictions = evictions
        census.octets = octets
        return census
    }
}

// MARK: - Looking up

extension CacheShard {
    /// The slot that holds the answer to `query`, whose hash ends in `tag`.
    @inline(__always)
    func find(_ query: borrowing Query, tag: UInt32) -> Int? {
        table.find(tag: tag) { matches($0, query) }
    }

    func entry(at index: Int) -> CacheEntry { table.slots[index].entry }

    mutating func markVisited(_ index: Int) {
        if !table.slots[index].wasVisited { table.slots[index].wasVisited = true }
    }

    func wasVisited(_ index: Int) -> Bool { table.slots[index].wasVisited }

    @inline(__always)
    private func matches(_ entry: CacheEntry, _ query: borrowing Query) -> Bool {
        let head = entry.head
        guard head.type == query.type.rawValue, head.recordClass == query.recordClass.rawValue,
            head.flags.subtracting(.refreshHasFailed) == CacheEntry.Flags(of: query)
        else { return false }
        return entry.withAnswer(head) { answer, _ in query.nameEquals(answer, at: Limits.headerSize) }
    }
}

// MARK: - Inserting and removing

extension CacheShard {
    /// Puts `entry` in, in place of the one at `replaced` if given; makes room first.
    ///
    /// Returns false when the budget has no room even after everything evictable here is gone.
    mutating func insert(
        _ answer: AnswerMessage,
        head: CacheEntry.Head,
        tag: UInt32,
        replacing replaced: Int?,
        budget: ByteBudget,
        now: UInt64,
        staleFor: UInt64
    ) -> Bool {
        if let replaced { remove(UInt32(replaced), budget: budget) }
        let isPositive = head.kind == .success
        if isPositive ? positive.count >= positiveCapacity : negative.count >= negativeCapacity {
            evict(positive: isPositive, budget: budget, now: now, staleFor: staleFor)
        }
        let size = CacheEntry.size(of: answer)
        // After an eviction there is a free slot, and the table need not grow.
        while !budget.take(size + table.growth) {
            // Failures and denials go first; an answer never makes room for them.
            guard negative.count > 0 || (isPositive && positive.count > 0) else { return false }
            evict(positive: negative.count == 0, budget: budget, now: now, staleFor: staleFor)
        }
        octets += size + table.growth
        let slot = CacheSlot(entry: CacheEntry(answer, head: head), tag: tag, kind: head.kind)
        let index = table.add(slot)
        if isPositive { positive.append(index, &table.slots) } else { negative.append(index, &table.slots) }
        return true
    }

    /// Drops what is worth least until `octets` are free; returns how many are.
    mutating func giveUp(
        _ octets: Int,
        droppingAnswers: Bool,
        budget: ByteBudget,
        now: UInt64,
        staleFor: UInt64
    ) -> Int {
        let before = self.octets
        while before - self.octets < octets, negative.count > 0 || (droppingAnswers && positive.count > 0) {
            evict(positive: negative.count == 0, budget: budget, now: now, staleFor: staleFor)
        }
        return before - self.octets
    }

    private mutating func evict(positive isPositive: Bool, budget: ByteBudget, now: UInt64, staleFor: UInt64)
    {
        let isDead = { (slot: CacheSlot) in
            let head = slot.entry.head
            return head.storedAt + UInt64(head.lifetime) * 1_000_000_000 + staleFor <= now
        }
        let victim =
            isPositive
            ? positive.victim(&table.slots, isDead: isDead) : negative.victim(&table.slots, isDead: isDead)
        guard let victim else { return }
        remove(victim, budget: budget)
        if isPositive { evictions.success += 1 } else { evictions.denial += 1 }
    }

    mutating func remove(_ index: UInt32, budget: ByteBudget) {
        let slot = table.slots[Int(index)]
        if slot.kind == .success {
            positive.remove(index, &table.slots)
        } else {
            negative.remove(index, &table.slots)
        }
        table.remove(index)
        let size = slot.entry.size
        octets -= size
        budget.giveBack(size)
        slot.entry.free()
    }
}
