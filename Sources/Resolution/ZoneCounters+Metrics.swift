// A zone's counters as metric series. Runs at scrape time, on the scraper's thread.

import DNSWire
package import Telemetry

extension ZoneCounters {
    /// The sum of one counter over all threads.
    private func sum(_ index: Int) -> UInt64 {
        cells.reduce(0) { $0 &+ $1.value(at: index) }
    }

    /// Adds the series of the families `coredns_dns_*`; nothing before the first event, as in CoreDNS.
    package func collectQueries(into snapshot: inout MetricSnapshot) {
        for family in 0..<2 {
            for (transport, proto) in Transport.allCases.enumerated() {
                for (type, name) in Self.typeLabels.enumerated() {
                    let count = sum((family * 2 + transport) * Layout.types + type)
                    guard count > 0 else { continue }
                    let labels = [String(family + 1), proto.rawValue, server, name, view, zone]
                    snapshot.add(.requests, labels: labels, count)
                }
            }
        }
        for author in ReplyAuthor.allCases {
            for code in 0..<Layout.codes {
                let count = sum(layout.responses + author.rawValue * Layout.codes + code)
                guard count > 0 else { continue }
                let labels = [author.label, Self.codeLabel(code), server, view, zone]
                snapshot.add(.responses, labels: labels, count)
            }
        }
        let dnssecOK = sum(layout.dnssecOK)
        if dnssecOK > 0 { snapshot.add(.requestsWithDO, labels: [server, view, zone], dnssecOK) }
        addHistogram(.requestDuration, layout.duration, .duration, [server, view, zone], &snapshot)
        for (transport, proto) in Transport.allCases.enumerated() {
            let labels = [proto.rawValue, server, view, zone]
            let offset = transport * layout.sizeCells
            addHistogram(.requestSize, layout.requestSize + offset, .size, labels, &snapshot)
            addHistogram(.responseSize, layout.responseSize + offset, .size, labels, &snapshot)
        }
        addHistogram(.hitDuration, layout.hitDuration, .latency, [], &snapshot)
        addHistogram(.missDuration, layout.missDuration, .latency, [], &snapshot)
    }

    /// Adds the series of the families `coredns_cache_*` that are counted per query.
    package func collectCache(into snapshot: inout MetricSnapshot) {
        let labels = [server, view, cacheZones]
        let hits = (0..<2).map { sum(layout.hits + $0) }
        let misses = sum(layout.misses)
        if hits[0] + hits[1] + misses > 0 {
            snapshot.add(.cacheRequests, labels: labels, hits[0] + hits[1] + misses)
        }
        for (type, count) in zip(["success", "denial"], hits) where count > 0 {
            snapshot.add(.cacheHits, labels: [server, type, view, cacheZones], count)
        }
        let plain: [(MetricFamily, Int)] = [
            (.cacheMisses, layout.misses), (.cacheServedStale, layout.stale),
            (.cachePrefetches, layout.prefetches),
            (.cacheDrops, layout.drops),
        ]
        for (family, index) in plain {
            let count = sum(index)
            if count > 0 { snapshot.add(family, labels: labels, count) }
        }
    }

    private func addHistogram(
        _ family: MetricFamily,
        _ base: Int,
        _ buckets: Buckets,
        _ labels: [String],
        _ snapshot: inout MetricSnapshot
    ) {
        for cells in self.cells where (0..<buckets.count).contains(where: { cells.value(at: base + $0) > 0 })
        {
            snapshot.addHistogram(family, labels: labels, cells: cells, at: base)
        }
    }

    /// CoreDNS' spelling; the last cell collects what has no name.
    private static func codeLabel(_ code: Int) -> String {
        ResponseCode(rawValue: UInt16(code)).description
    }
}
