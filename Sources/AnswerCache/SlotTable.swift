// Where a shard's entries stand and how they are found: slots in an array, and buckets that lead from a hash to
// a slot. Knows nothing of answers' worth; the orders of eviction are the shard's.

/// A place in the shard's table.
struct CacheSlot {
    var entry: CacheEntry
    var links = SlotLinks()
    /// The lower half of the name's hash; the upper half chose the shard.
    var tag: UInt32
    var kind: AnswerKind
    var wasVisited = false
}

/// Slots by hash. An open table with linear probing: sixteen buckets share a cache line, and twelve bits of
/// the tag stand in the bucket, so that a probe leaves the line only for what is most likely the entry.
struct SlotTable: ~Copyable {
    /// Slot index + 1 in the lower twenty bits, zero is empty; the tag's upper twelve bits above.
    private var buckets: [UInt32]
    var slots: [CacheSlot] = []
    /// The first of the slots that are free; they are linked by `links.newer`.
    private var firstFree = SlotLinks.none
    /// Slots there is room for before the table grows.
    private var room = 0

    private static let indexMask: UInt32 = 0x000f_ffff
    /// What twenty bits can tell apart; with 64 shards some sixty million answers.
    static let mostSlots = Int(indexMask) - 1
    private static let fewestSlots = 8
    /// Octets that an empty table grows by with its first slot.
    static let firstGrowth = fewestSlots * MemoryLayout<CacheSlot>.stride

    init() {
        // At most three quarters full, with room for the first slots.
        buckets = Array(repeating: 0, count: Self.buckets(for: Self.fewestSlots))
    }

    /// A power of two, at least four thirds of `slots`.
    private static func buckets(for slots: Int) -> Int {
        let wanted = slots + (slots + 2) / 3
        return 1 << (Int.bitWidth - (wanted - 1).leadingZeroBitCount)
    }
}

// MARK: - Finding

extension SlotTable {
    /// The slot with `tag` for which `matches` holds.
    @inline(__always)
    func find(tag: UInt32, where matches: (CacheEntry) -> Bool) -> Int? {
        var bucket = home(of: tag)
        while buckets[bucket] != 0 {
            let word = buckets[bucket]
            if (word ^ tag) & ~Self.indexMask == 0 {
                let index = Int(word & Self.indexMask) - 1
                if slots[index].tag == tag, matches(slots[index].entry) { return index }
            }
            bucket = (bucket + 1) & (buckets.count - 1)
        }
        return nil
    }

    /// Every entry, in no order.
    func forEach(_ body: (CacheEntry) -> Void) {
        for word in buckets where word != 0 { body(slots[Int(word & Self.indexMask) - 1].entry) }
    }

    @inline(__always)
    private func home(of tag: UInt32) -> Int {
        // The tag's bits are those that did not choose the shard; the multiplier spreads them (Fibonacci hashing).
        Int((UInt64(tag) &* 0x9e37_79b9_7f4a_7c15) >> 32) & (buckets.count - 1)
    }
}

// MARK: - Putting in and taking out

extension SlotTable {
    /// Octets that one more slot makes the table grow by; mostly none.
    var growth: Int {
        guard firstFree == SlotLinks.none, slots.count == room else { return 0 }
        let next = nextRoom
        let more = max(0, Self.buckets(for: next) - buckets.count)
        return (next - room) * MemoryLayout<CacheSlot>.stride + more * MemoryLayout<UInt32>.size
    }

    /// By an eighth, not by doubling: a copy now and then costs less than memory that is never used.
    private var nextRoom: Int { room + max(Self.fewestSlots, room / 8) }

    /// Puts `slot` in; returns its index, which it keeps until it is removed.
    mutating func add(_ slot: CacheSlot) -> UInt32 {
        let index: UInt32
        if firstFree != SlotLinks.none {
            index = firstFree
            firstFree = slots[Int(index)].links.newer
            slots[Int(index)] = slot
        } else {
            if slots.count == room { grow() }
            index = UInt32(slots.count)
            slots.append(slot)
        }
        place(index)
        return index
    }

    mutating func remove(_ index: UInt32) {
        unplace(index)
        slots[Int(index)].links.newer = firstFree
        firstFree = index
    }

    private mutating func grow() {
        room = nextRoom
        slots.reserveCapacity(room)
        let wanted = Self.buckets(for: room)
        guard wanted > buckets.count else { return }
        buckets = Array(repeating: 0, count: wanted)
        // The table grows only when no slot is free.
        for index in slots.indices { place(UInt32(index)) }
    }

    private mutating func place(_ index: UInt32) {
        let tag = slots[Int(index)].tag
        var bucket = home(of: tag)
        while buckets[bucket] != 0 { bucket = (bucket + 1) & (buckets.count - 1) }
        buckets[bucket] = (tag & ~Self.indexMask) | (index + 1)
    }

    /// Empties the bucket of `index` and closes the gap, so that probing needs no tombstones.
    private mutating func unplace(_ index: UInt32) {
        let mask = buckets.count - 1
        var gap = home(of: slots[Int(index)].tag)
        while buckets[gap] & Self.indexMask != index + 1 { gap = (gap + 1) & mask }
        buckets[gap] = 0
        var next = (gap + 1) & mask
        while buckets[next] != 0 {
            let home = home(of: slots[Int(buckets[next] & Self.indexMask) - 1].tag)
            // Move the entry when its home lies cyclically outside (gap, next].
            if (next &- home) & mask >= (next &- gap) & mask {
                buckets[gap] = buckets[next]
                buckets[next] = 0
                gap = next
            }
            next = (next + 1) & mask
        }
    }
}
