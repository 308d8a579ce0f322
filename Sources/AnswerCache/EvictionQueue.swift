// SIEVE (Zhang et al., NSDI 2024): a first-in-first-out list with a hand that passes over what was asked for
// since it last came by. A hit only sets a bit; scans of names that nobody asks twice flow through.

/// Links of one entry; indices into the shard's slots, `SlotLinks.none` at the ends.
struct SlotLinks {
    static let none = UInt32.max
    var newer = SlotLinks.none
    var older = SlotLinks.none
}

/// The order of eviction of one kind of answers. Holds indices only; the links live in the slots.
struct EvictionQueue {
    private(set) var newest = SlotLinks.none
    private(set) var oldest = SlotLinks.none
    private var hand = SlotLinks.none
    private(set) var count = 0

    /// Adds slot `index` as the newest.
    mutating func append(_ index: UInt32, _ slots: inout [CacheSlot]) {
        slots[Int(index)].links = SlotLinks(newer: SlotLinks.none, older: newest)
        if newest == SlotLinks.none {
            oldest = index
        } else {
            slots[Int(newest)].links.newer = index
        }
        newest = index
        count += 1
    }

    mutating func remove(_ index: UInt32, _ slots: inout [CacheSlot]) {
        let links = slots[Int(index)].links
        if hand == index { hand = links.newer }
        if links.newer == SlotLinks.none {
            newest = links.older
        } else {
            slots[Int(links.newer)].links.older = links.older
        }
        if links.older == SlotLinks.none {
            oldest = links.newer
        } else {
            slots[Int(links.older)].links.newer = links.newer
        }
        count -= 1
    }

    /// The slot to evict; nil when the queue is empty. `isDead` spares nobody, however often it was asked.
    mutating func victim(_ slots: inout [CacheSlot], isDead: (CacheSlot) -> Bool) -> UInt32? {
        guard count > 0 else { return nil }
        var index = hand == SlotLinks.none ? oldest : hand
        while slots[Int(index)].wasVisited, !isDead(slots[Int(index)]) {
            slots[Int(index)].wasVisited = false
            let newer = slots[Int(index)].links.newer
            index = newer == SlotLinks.none ? oldest : newer
        }
        hand = slots[Int(index)].links.newer
        return index
    }
}
