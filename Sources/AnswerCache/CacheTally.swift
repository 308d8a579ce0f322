// What a cache holds, for those who only count: a scrape must not make a look-up wait, so it takes no shard's
// lock. Changes are added up here while the changed shard is locked anyway.

import Synchronization

/// The counts of all shards of a cache together.
final class CacheTally: Sendable {
    private let successes = Atomic<Int>(0)
    private let denials = Atomic<Int>(0)
    private let evictedSuccesses = Atomic<Int>(0)
    private let evictedDenials = Atomic<Int>(0)
    private let octets = Atomic<Int>(0)

    /// The counts of one shard were `old` and are `new`.
    func note(_ new: ShardedCache.Census, after old: ShardedCache.Census) {
        successes.wrappingAdd(new.entries.success - old.entries.success, ordering: .relaxed)
        denials.wrappingAdd(new.entries.denial - old.entries.denial, ordering: .relaxed)
        evictedSuccesses.wrappingAdd(new.evictions.success - old.evictions.success, ordering: .relaxed)
        evictedDenials.wrappingAdd(new.evictions.denial - old.evictions.denial, ordering: .relaxed)
        octets.wrappingAdd(new.octets - old.octets, ordering: .relaxed)
    }

    var census: ShardedCache.Census {
        var census = ShardedCache.Census()
        census.entries.success = successes.load(ordering: .relaxed)
        census.entries.denial = denials.load(ordering: .relaxed)
        census.evictions.success = evictedSuccesses.load(ordering: .relaxed)
        census.evictions.denial = evictedDenials.load(ordering: .relaxed)
        census.octets = octets.load(ordering: .relaxed)
        return census
    }
}
