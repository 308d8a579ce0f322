// The numbers of one zone on one listen address: where each counter stands in a thread's cells, and the
// adding up. Every thread writes cells of its own; a scrape sums them.

package import Addresses
package import AnswerCache
package import DNSWire
package import Telemetry

/// Counters of one (server, zone), one block of cells per thread. They outlive reloads.
@safe package final class ZoneCounters: Sendable {
    package let server: String
    package let zone: String
    /// The block's `view`, or nothing.
    package let view: String
    /// Label `zones` of the cache families.
    package let cacheZones: String
    /// By thread number: packet threads first, the event loop last.
    package let cells: [CounterCells]
    // SAFETY: the same objects as in `cells`, which this object keeps alive; written by `init`, freed by
    // `deinit`. Reading a cell through it counts no references.
    private nonisolated(unsafe) let uncounted: UnsafeMutablePointer<Unmanaged<CounterCells>>

    package init(server: String, zone: String, view: String = "", cacheZones: String, threads: Int) {
        self.server = server
        self.view = view
        self.zone = zone
        self.cacheZones = cacheZones
        let count = layout.count
        cells = (0..<threads).map { _ in CounterCells(count: count) }
        unsafe uncounted = .allocate(capacity: max(1, threads))
        for (thread, cells) in cells.enumerated() {
            unsafe (uncounted + thread).initialize(to: Unmanaged.passUnretained(cells))
        }
    }

    deinit { unsafe uncounted.deallocate() }

    /// Lends the cells of `thread`.
    @inline(__always)
    private func withCells(_ thread: Int, _ body: (CounterCells) -> Void) {
        precondition(thread >= 0 && thread < cells.count)
        unsafe uncounted[thread]._withUnsafeGuaranteedRef { body($0) }
    }

    let layout = Layout()

    /// Where the counters stand. Kept, not computed: the sizes are another module's, and every use of one a call.
    struct Layout: Sendable {
        // Literals of this module cost nothing.
        static let types = 19
        static let codes = 25
        static let plugins = 12

        let dnssecOK = 2 * 2 * types
        let responses: Int
        let duration: Int
        /// Of UDP; that of TCP stands behind it, `sizeCells` further. The same for replies.
        let requestSize: Int
        let responseSize: Int
        let sizeCells = Buckets.sizeCells
        let hitDuration: Int
        let missDuration: Int
        let hits: Int
        let misses: Int
        let stale: Int
        let prefetches: Int
        let drops: Int
        let count: Int

        init() {
            responses = dnssecOK + 1
            duration = responses + Self.plugins * Self.codes
            requestSize = duration + Buckets.durationCells
            responseSize = requestSize + 2 * sizeCells
            hitDuration = responseSize + 2 * sizeCells
            missDuration = hitDuration + Buckets.latencyCells
            hits = missDuration + Buckets.latencyCells
            misses = hits + 2
            stale = misses + 1
            prefetches = stale + 1
            drops = prefetches + 1
            count = drops + 1
        }
    }
}

/// Who wrote a reply; label `plugin` of `coredns_dns_responses_total`.
package enum ReplyAuthor: Int, Sendable, CaseIterable {
    case server
    case cache
    case forward
    case hosts
    case template
    case whoami
    case acl
    case any
    case chaos
    case local
    case loadbalance
    case dns64

    var label: String {
        switch self {
        case .server: ""
        case .cache: "cache"
        case .forward: "forward"
        case .hosts: "hosts"
        case .template: "template"
        case .whoami: "whoami"
        case .acl: "acl"
        case .any: "any"
        case .chaos: "chaos"
        case .local: "local"
        case .loadbalance: "loadbalance"
        case .dns64: "dns64"
        }
    }
}

/// One answered query, for the counters.
package struct QueryRecord: Sendable {
    package var family: IPAddress.Family
    package var transport: Transport
    package var type: RecordType
    package var dnssecOK: Bool
    package var author: ReplyAuthor
    package var code: ResponseCode
    package var requestSize: Int
    package var responseSize: Int
    /// Nil for a hit: its reply has not left yet, and `observeHits` will tell.
    package var nanoseconds: UInt64?
}

// MARK: - Counting

extension ZoneCounters {
    /// Counts an answered query in the cells of `thread`; only that thread may call this.
    @inline(__always)
    package func count(_ record: QueryRecord, thread: Int) {
        let transport = record.transport == .udp ? 0 : 1
        let family =
            switch record.family {
            case .v4: 0
            case .v6: 1
            }
        let code = min(Int(record.code.rawValue), Layout.codes - 1)
        withCells(thread) { cells in
            cells.increment((family * 2 + transport) * Layout.types + Self.typeIndex(record.type))
            if record.dnssecOK { cells.increment(layout.dnssecOK) }
            cells.increment(layout.responses + record.author.rawValue * Layout.codes + code)
            if let nanoseconds = record.nanoseconds {
                cells.observeDuration(nanoseconds: nanoseconds, at: layout.duration)
            }
            cells.observeSize(
                bytes: record.requestSize,
                at: layout.requestSize + transport * layout.sizeCells
            )
            cells.observeSize(
                bytes: record.responseSize,
                at: layout.responseSize + transport * layout.sizeCells
            )
        }
    }

    /// Counts an answer from the cache, whoever gave it.
    @inline(__always)
    package func countHit(_ kind: AnswerKind, isStale: Bool, thread: Int) {
        let cell =
            switch kind {
            case .success: layout.hits
            case .denial, .serverError: layout.hits + 1
            }
        withCells(thread) { cells in
            cells.increment(cell)
            if isStale { cells.increment(layout.stale) }
        }
    }

    /// The replies of `hits` hits left together, this long after the queries came.
    @inline(__always)
    package func observeHits(_ hits: UInt64, nanoseconds: UInt64, thread: Int) {
        withCells(thread) { cells in
            cells.observeLatency(nanoseconds: nanoseconds, times: hits, at: layout.hitDuration)
            cells.observeDuration(nanoseconds: nanoseconds, times: hits, at: layout.duration)
        }
    }

    package func countMiss(thread: Int) { cells[thread].increment(layout.misses) }

    /// How long a question took that went through the event loop, whether or not upstream was asked in the end.
    package func observeMiss(nanoseconds: UInt64, thread: Int) {
        cells[thread].observeLatency(nanoseconds: nanoseconds, at: layout.missDuration)
    }

    package func countPrefetch(thread: Int) { cells[thread].increment(layout.prefetches) }

    package func countDrop(thread: Int) { cells[thread].increment(layout.drops) }

    /// The types that CoreDNS names in its metrics; all others are `other`.
    static let typeLabels = [
        "A", "AAAA", "ANY", "AXFR", "CNAME", "DNSKEY", "DS", "HTTPS", "IXFR", "MX", "NS", "NSEC", "NSEC3",
        "PTR",
        "RRSIG", "SOA", "SRV", "TXT", "other",
    ]

    @inline(__always)
    private static func typeIndex(_ type: RecordType) -> Int {
        switch type.rawValue {
        case 1: 0
        case 28: 1
        case 255: 2
        case 252: 3
        case 5: 4
        case 48: 5
        case 43: 6
        case 65: 7
        case 251: 8
        case 15: 9
        case 2: 10
        case 47: 11
        case 50: 12
        case 12: 13
        case 46: 14
        case 6: 15
        case 33: 16
        case 16: 17
        default: 18
        }
    }
}
