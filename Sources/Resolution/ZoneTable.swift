// Which block answers a name, on one listen address: the longest zone that the name lies within. One probe of
// a small hash table per label; the hashes come from the query.

package import Addresses
import AnswerCache
package import DNSWire
package import Timing

/// What `timeouts` says about a TCP client's silence; nil leaves it to the listener.
package struct StreamPatience: Sendable, Hashable {
    /// For the first whole query of a connection.
    package var firstQuery: Interval?
    /// For each further one.
    package var idle: Interval?

    package init(firstQuery: Interval? = nil, idle: Interval? = nil) {
        self.firstQuery = firstQuery
        self.idle = idle
    }
}

/// The zones of one listen address. Immutable.
package final class ZoneTable: Sendable {
    /// Label `server` of the metrics: `dns://169.254.20.10:53`.
    package let server: String
    /// Nil when it listens on all addresses.
    package let endpoint: Endpoint?
    package let zones: [Zone]
    /// CoreDNS lets other classes than IN pass only where some block on the socket forwards.
    package let passesOtherClasses: Bool
    /// Counters of queries that no block takes.
    package let dropped: ZoneCounters
    /// How long clients of its TCP socket may be silent.
    package let patience: StreamPatience
    /// Some block takes only queries that fulfil its condition: whoever looks for a zone must say who asks.
    let hasViews: Bool
    /// The zones without reference counts, for the way of a hit.
    let slots: ZoneSlots
    /// Zone index + 1 by hash, zero is empty.
    private let buckets: [UInt32]
    /// The zones' names in wire form, one behind the other, and where each starts.
    private let names: [UInt8]
    private let nameStarts: [Int]

    /// A zone and its block.
    package struct Zone: Sendable {
        package let name: DomainName
        package let block: ServerBlock
        package let counters: ZoneCounters
        /// The condition of the block; nil: it takes every query.
        package let view: (any QueryView)?
        let hash: UInt64

        package init(
            name: DomainName,
            block: ServerBlock,
            counters: ZoneCounters,
            view: (any QueryView)? = nil,
            hashing: NameHash
        ) {
            self.view = view
            self.name = name
            self.block = block
            self.counters = counters
            self.hash = hashing.hash(of: name)
        }
    }

    /// Of zones with the same name the first comes first.
    package init(
        server: String,
        endpoint: Endpoint? = nil,
        zones: [Zone],
        dropped: ZoneCounters,
        patience: StreamPatience = .init()
    ) {
        self.server = server
        self.endpoint = endpoint
        hasViews = zones.contains { $0.view != nil }
        self.zones = zones
        self.dropped = dropped
        self.patience = patience
        slots = ZoneSlots(zones)
        passesOtherClasses = zones.contains { !$0.block.forwards.isEmpty || $0.block.takesOtherClasses }
        var size = 8
        while size < 2 * zones.count { size *= 2 }
        var buckets = [UInt32](repeating: 0, count: size)
        for (index, zone) in zones.enumerated() {
            var bucket = Int(truncatingIfNeeded: zone.hash) & (size - 1)
            while buckets[bucket] != 0 { bucket = (bucket + 1) & (size - 1) }
            buckets[bucket] = UInt32(index + 1)
        }
        self.buckets = buckets
        names = zones.flatMap(\.name.wire)
        nameStarts = zones.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.name.wire.count) }
    }

    /// The index of the longest zone that the query's name lies within and whose block takes the query; `asker` is
    /// wanted where `hasViews`.
    package func zone(
        for query: borrowing Query,
        hashing: NameHash,
        by asker: Asker?
    ) -> Int? {
        var skipped = 0
        while skipped <= query.labelCount {
            let hash = query.suffixHash(skipping: skipped, root: hashing.root)
            var bucket = Int(truncatingIfNeeded: hash) & (buckets.count - 1)
            while buckets[bucket] != 0 {
                let index = Int(buckets[bucket] - 1)
                if zones[index].hash == hash {
                    let range = nameStarts[index]..<nameStarts[index + 1]
                    if query.suffixEquals(names, range, skipping: skipped),
                        !hasViews || takes(query, index, asker)
                    {
                        return index
                    }
                }
                bucket = (bucket + 1) & (buckets.count - 1)
            }
            skipped += 1
        }
        return nil
    }

    private func takes(_ query: borrowing Query, _ index: Int, _ asker: Asker?) -> Bool {
        guard let view = zones[index].view else { return true }
        guard let asker else { return false }
        return view.admits(query, of: asker)
    }
}
