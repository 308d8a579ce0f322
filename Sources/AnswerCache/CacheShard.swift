// One slice of the cache: a table, its orders of eviction, and the accounting of its memory. The lock around
// it is ShardedCache's; nothing here blocks or calls out.

import DNSWire

/// A bounded table of answers.
struct CacheShard: ~Copyable {
    /// Slot index + 1 by bucket, zero is empty; linear probing, at most half full.
    private var buckets: [UInt32]
    private var slots: [CacheSlot] = []
    private var freeSlots: [UInt32] = []
    /// Two orders: an answer is never evicted in favour of a denial or a failure, nor the other way round.
    private var positive = EvictionQueue()
    private var negative = EvictionQueue()
    private let positiveCapacity: Int
    private let negativeCapacity: Int
    /// Evictions since the start.
    private(set) var evictions = (success: 0, denial: 0)
    /// Octets of all entries.
    private(set) var octets = 0

    init(positiveCapacity: Int, negativeCapacity: Int) {
        self.positiveCapacity = positiveCapacity
        self.negativeCapacity = negativeCapacity
        buckets = Array(repeating: 0, count: 8)
    }

    deinit {
        for bucket in buckets where bucket != 0 { slots[Int(bucket - 1)].entry.free() }
    }

    var counts: (success: Int, denial: Int) { (positive.count, negative.count) }
}

// MARK: - Looking up

extension CacheShard {
    /// The slot that holds the answer to `query`, whose hash ends in `tag`.
    @inline(__always)
    func find(_ query: borrowing Query, tag: UInt32) -> Int? {
        var bucket = self.bucket(of: tag)
        while buckets[bucket] != 0 {
            let index = Int(buckets[bucket] - 1)
            if slots[index].tag == tag, matches(slots[index].entry, query) { return index }
            bucket = (bucket + 1) & (buckets.count - 1)
        }
        return nil
    }

    func entry(at index: Int) -> CacheEntry { slots[index].entry }

    mutating func markVisited(_ index: Int) {
        if !slots[index].wasVisited { slots[index].wasVisited = true }
    }

    private func bucket(of tag: UInt32) -> Int {
        // The tag's bits are those that did not choose the shard; the multiplier spreads them (Fibonacci hashing).
        Int((UInt64(tag) &* 0x9e37_79b9_7f4a_7c15) >> 32) & (buckets.count - 1)
    }

    @inline(__always)
    private func matches(_ entry: CacheEntry, _ query: borrowing Query) -> Bool {
        let head = entry.head
        guard head.type == query.type.rawValue, head.recordClass == query.recordClass.rawValue,
            head.dnssecOK == query.dnssecOK, head.checkingDisabled == query.checkingDisabled
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
        let size = CacheEntry.size(of: answer)
        let isPositive = head.kind == .success
        if isPositive ? positive.count >= positiveCapacity : negative.count >= negativeCapacity {
            evict(positive: isPositive, budget: budget, now: now, staleFor: staleFor)
        }
        while !budget.take(size) {
            // Failures and denials go first; an answer never makes room for them.
            guard negative.count > 0 || (isPositive && positive.count > 0) else { return false }
            evict(positive: negative.count == 0, budget: budget, now: now, staleFor: staleFor)
        }
        let slot = CacheSlot(entry: CacheEntry(answer, head: head), tag: tag, kind: head.kind)
        octets += size
        if (positive.count + negative.count + 1) * 2 > buckets.count { grow() }
        let index: UInt32
        if let free = freeSlots.popLast() {
            index = free
            slots[Int(free)] = slot
        } else {
            index = UInt32(slots.count)
            slots.append(slot)
        }
        if isPositive { positive.append(index, &slots) } else { negative.append(index, &slots) }
        place(index)
        return true
    }

    private mutating func evict(positive isPositive: Bool, budget: ByteBudget, now: UInt64, staleFor: UInt64)
    {
        let isDead = { (slot: CacheSlot) in
            let head = slot.entry.head
            return head.storedAt + UInt64(head.lifetime) * 1_000_000_000 + staleFor <= now
        }
        let victim =
            isPositive ? positive.victim(&slots, isDead: isDead) : negative.victim(&slots, isDead: isDead)
        guard let victim else { return }
        remove(victim, budget: budget)
        if isPositive { evictions.success += 1 } else { evictions.denial += 1 }
    }

    private mutating func remove(_ index: UInt32, budget: ByteBudget) {
        let slot = slots[Int(index)]
        if slot.kind == .success { positive.remove(index, &slots) } else { negative.remove(index, &slots) }
        unplace(index)
        let size = slot.entry.size
        octets -= size
        budget.giveBack(size)
        slot.entry.free()
        freeSlots.append(index)
    }

    private mutating func place(_ index: UInt32) {
        var bucket = self.bucket(of: slots[Int(index)].tag)
        while buckets[bucket] != 0 { bucket = (bucket + 1) & (buckets.count - 1) }
        buckets[bucket] = index + 1
    }

    /// Empties the bucket of `index` and closes the gap, so that probing needs no tombstones.
    private mutating func unplace(_ index: UInt32) {
        let mask = buckets.count - 1
        var gap = bucket(of: slots[Int(index)].tag)
        while buckets[gap] != index + 1 { gap = (gap + 1) & mask }
        buckets[gap] = 0
        var next = (gap + 1) & mask
        while buckets[next] != 0 {
            let home = bucket(of: slots[Int(buckets[next] - 1)].tag)
            // Move the entry when its home lies cyclically outside (gap, next].
            if (next &- home) & mask >= (next &- gap) & mask {
                buckets[gap] = buckets[next]
                buckets[next] = 0
                gap = next
            }
            next = (next + 1) & mask
        }
    }

    private mutating func grow() {
        let live = buckets.filter { $0 != 0 }
        buckets = Array(repeating: 0, count: buckets.count * 2)
        for bucket in live { place(bucket - 1) }
    }
}
