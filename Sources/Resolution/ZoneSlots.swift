// What a hit needs of its zone, laid out so that reading it counts no references: with several packet threads,
// every retain of a shared cache would be a write to a cache line that all of them want.

import AnswerCache
import DNSWire
import Timing

/// The zones of one table as packet threads read them. Owned by the `ZoneTable`, which keeps alive what the
/// slots point to.
@safe struct ZoneSlots: ~Copyable, @unchecked Sendable {
    // SAFETY: `slots` is written by `init` only and freed by `deinit`. The references in it are those of
    // `ZoneTable.zones`, an immutable array of the same object that holds this value; whoever calls in holds
    // that object, so they outlive every call.

    @safe private struct Slot {
        let cache: Unmanaged<ShardedCache>?
        let counters: Unmanaged<ZoneCounters>
        let reachability: Unmanaged<Reachability>?
        let answersQueries: Bool
        let isPartlyCached: Bool
        let logs: Bool
        let hasGates: Bool
        let hasFilters: Bool
        let hasTaps: Bool
        let udpCeiling: Int
    }

    private let slots: UnsafeMutablePointer<Slot>
    private let count: Int

    init(_ zones: [ZoneTable.Zone]) {
        count = zones.count
        unsafe slots = .allocate(capacity: max(1, zones.count))
        for (index, zone) in zones.enumerated() {
            unsafe (slots + index).initialize(
                to: Slot(
                    cache: zone.block.cache.map { unsafe Unmanaged.passUnretained($0) },
                    counters: Unmanaged.passUnretained(zone.counters),
                    reachability: zone.block.reachability.map { unsafe Unmanaged.passUnretained($0) },
                    answersQueries: zone.block.answersQueries,
                    isPartlyCached: zone.block.cacheScope.zones != nil
                        || zone.block.familyWithoutIPv6Answers != nil,
                    logs: !zone.block.logRules.isEmpty,
                    hasGates: !zone.block.gates.isEmpty,
                    hasFilters: !zone.block.filters.isEmpty,
                    hasTaps: !zone.block.taps.isEmpty,
                    udpCeiling: zone.block.udpCeiling
                )
            )
        }
    }

    deinit { unsafe slots.deallocate() }

    @inline(__always)
    private func slot(_ index: Int) -> Slot {
        precondition(index >= 0 && index < count)
        return unsafe slots[index]
    }

    /// Whether the zone's block has a plugin that answers.
    func answersQueries(_ index: Int) -> Bool { slot(index).answersQueries }

    /// Whether only some names of the block are cached.
    func isPartlyCached(_ index: Int) -> Bool { slot(index).isPartlyCached }

    /// Whether the block logs queries.
    func logs(_ index: Int) -> Bool { slot(index).logs }

    /// Whether the block has plugins that look at queries before the cache does.
    func hasGates(_ index: Int) -> Bool { slot(index).hasGates }

    /// Whether the block has plugins that change replies.
    func hasFilters(_ index: Int) -> Bool { slot(index).hasFilters }

    /// Whether somebody gets copies of the block's messages.
    func hasTaps(_ index: Int) -> Bool { slot(index).hasTaps }

    /// The largest reply over UDP that the block gives.
    func udpCeiling(_ index: Int) -> Int { slot(index).udpCeiling }

    /// Lends the block's cache; nil when it has none.
    @inline(__always)
    func withCache<Result>(_ index: Int, _ body: (ShardedCache) -> Result) -> Result? {
        guard let cache = unsafe slot(index).cache else { return nil }
        return unsafe cache._withUnsafeGuaranteedRef { body($0) }
    }

    /// Whether every upstream of the block is known to be down.
    @inline(__always)
    func isLost(_ index: Int) -> Bool {
        guard let reachability = unsafe slot(index).reachability else { return false }
        return unsafe reachability._withUnsafeGuaranteedRef { $0.isLost }
    }

    /// Whether upstream is worth asking a question that came at `now`.
    @inline(__always)
    func admitsQuestion(_ index: Int, at now: Instant) -> Bool {
        guard let reachability = unsafe slot(index).reachability else { return true }
        return unsafe reachability._withUnsafeGuaranteedRef { $0.admits(at: now) }
    }

    /// Lends the zone's counters.
    @inline(__always)
    func withCounters(_ index: Int, _ body: (ZoneCounters) -> Void) {
        unsafe slot(index).counters._withUnsafeGuaranteedRef { body($0) }
    }
}
