// All zone counters of the process. Counters outlive reloads: a rate must not jump because a line of the
// Corefile changed.

import AnswerCache
import Resolution
import Synchronization
import Telemetry

/// Finds or makes the counters of a (server, zone), and shows all of them.
final class ZoneRegistry: MetricSource {
    private struct Key: Hashable {
        let server: String
        let zone: String
        let view: String
        let cacheZones: String
    }

    private struct Entry {
        let counters: ZoneCounters
        /// Some block with `prometheus` has counted here.
        var isCounted: Bool
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        /// By server: caches, each with its label `zones`.
        var caches: [(server: String, view: String, zones: String, cache: ShardedCache)] = []
    }

    private let threads: Int
    private let state = Mutex(State())

    init(threads: Int) { self.threads = threads }

    func counters(server: String, zone: String, view: String, block: ServerBlock) -> ZoneCounters {
        let key = Key(server: server, zone: zone, view: view, cacheZones: block.cacheScope.label)
        return find(key, isCounted: block.isCounted)
    }

    /// Queries that no block takes are counted whatever the blocks say.
    func dropped(server: String) -> ZoneCounters {
        find(Key(server: server, zone: "dropped", view: "", cacheZones: ""), isCounted: true)
    }

    private func find(_ key: Key, isCounted: Bool) -> ZoneCounters {
        state.withLock { state in
            if let entry = state.entries[key] {
                state.entries[key]?.isCounted = entry.isCounted || isCounted
                return entry.counters
            }
            let counters = ZoneCounters(
                server: key.server,
                zone: key.zone,
                view: key.view,
                cacheZones: key.cacheZones,
                threads: threads
            )
            state.entries[key] = Entry(counters: counters, isCounted: isCounted)
            return counters
        }
    }

    /// The caches that are in use now.
    func adopt(_ plan: ServingPlan) {
        var caches: [(String, String, String, ShardedCache)] = []
        for table in plan.tables {
            var seen: Set<Int> = []
            for zone in table.zones {
                guard let cache = zone.block.cache, seen.insert(zone.block.index).inserted else { continue }
                caches.append((table.server, zone.view?.name ?? "", zone.block.cacheScope.label, cache))
            }
        }
        state.withLock { [caches] state in
            state.caches = caches.map { (server: $0.0, view: $0.1, zones: $0.2, cache: $0.3) }
        }
    }

    func collect(into snapshot: inout MetricSnapshot) {
        let (entries, caches) = state.withLock { (Array($0.entries.values), $0.caches) }
        for entry in entries {
            if entry.isCounted { entry.counters.collectQueries(into: &snapshot) }
            entry.counters.collectCache(into: &snapshot)
        }
        for (server, view, zones, cache) in caches {
            let census = cache.census()
            guard census.octets > 0 || census.evictions.success + census.evictions.denial > 0 else {
                continue
            }
            for (type, count) in [("success", census.entries.success), ("denial", census.entries.denial)] {
                snapshot.add(.cacheEntries, labels: [server, type, view, zones], UInt64(count))
            }
            for (type, count) in [("success", census.evictions.success), ("denial", census.evictions.denial)]
            where count > 0 {
                snapshot.add(.cacheEvictions, labels: [server, type, view, zones], UInt64(count))
            }
        }
    }
}
