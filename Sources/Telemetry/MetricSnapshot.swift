// All numbers at one moment: what the sources of a process, and of the other process, add up to.
// How it looks as text is `ExpositionWriter`'s; how it travels between processes stands in
// `MetricSnapshot+Bytes.swift`.

/// Whoever has numbers to show.
package protocol MetricSource: Sendable {
    /// Adds the numbers as they are now; called from the scraping thread, must not wait for a packet thread.
    func collect(into snapshot: inout MetricSnapshot)
}

/// The numbers of one scrape; the same series added twice is summed.
package struct MetricSnapshot: Sendable, Equatable {
    /// What one series shows.
    enum Value: Hashable, Sendable {
        case number(Double)
        /// Counts per bucket, not cumulative.
        case histogram(bucketCounts: [UInt64], sum: Double)
    }

    /// By family, then by label values in the catalogue's order.
    private(set) var series: [MetricFamily: [[String]: Value]] = [:]

    /// A snapshot without any series.
    package init() {}

    /// Everything that `sources` have to show, and zeroes where nothing has happened yet.
    package init(of sources: [any MetricSource]) {
        addInitialSeries()
        for source in sources { source.collect(into: &self) }
    }
}

// MARK: - Adding

extension MetricSnapshot {
    /// Adds to a counter or gauge; `labels` are the values in the order of the catalogue's label names.
    package mutating func add(_ family: MetricFamily, labels: [String] = [], _ value: Double) {
        add(.number(value), to: family, labels)
    }

    /// Adds a whole number to a counter or gauge.
    package mutating func add(_ family: MetricFamily, labels: [String] = [], _ value: some BinaryInteger) {
        add(.number(Double(value)), to: family, labels)
    }

    /// Adds to a histogram; one count per bucket (+Inf last), not cumulative; the sum in the family's unit.
    package mutating func addHistogram(
        _ family: MetricFamily,
        labels: [String] = [],
        bucketCounts: [UInt64],
        sum: Double
    ) {
        add(.histogram(bucketCounts: bucketCounts, sum: sum), to: family, labels)
    }

    /// Adds a histogram that was counted in `cells` from `base` on, as `observeDuration` and its siblings do.
    package mutating func addHistogram(
        _ family: MetricFamily,
        labels: [String] = [],
        cells: CounterCells,
        at base: Int
    ) {
        guard case .histogram(let buckets) = MetricCatalogue[family].kind else {
            assertionFailure("\(family.rawValue) is no histogram")
            return
        }
        let counts = (base..<base + buckets.count).map { cells.value(at: $0) }
        let sum = Double(cells.value(at: base + buckets.count)) * buckets.sumUnit
        addHistogram(family, labels: labels, bucketCounts: counts, sum: sum)
    }

    /// Adds the other process' numbers, without those that describe only that process.
    package mutating func merge(_ other: MetricSnapshot) {
        for (family, values) in other.series where !family.describesOneProcess {
            for (labels, value) in values { add(value, to: family, labels) }
        }
    }

    /// Adds zero to every series that is shown before its first event; `process_*` is shown when known.
    package mutating func addInitialSeries() {
        for family in MetricFamily.allCases where !family.describesOneProcess {
            for labels in MetricCatalogue[family].initialSeries {
                add(MetricCatalogue[family].kind.zero, to: family, labels)
            }
        }
    }

    private mutating func add(_ value: Value, to family: MetricFamily, _ labels: [String]) {
        guard MetricCatalogue[family].accepts(value, labels: labels) else {
            // A programming error; in production a missing series is better than a dead resolver.
            assertionFailure("\(family.rawValue) does not look like \(value) with \(labels)")
            return
        }
        series[family, default: [:]][labels].add(value)
    }
}

// MARK: - Reading

extension MetricSnapshot {
    /// What a counter or gauge shows; nil when there is no such series.
    package func number(_ family: MetricFamily, labels: [String] = []) -> Double? {
        guard case .number(let value) = series[family]?[labels] else { return nil }
        return value
    }

    /// The text format 0.0.4 of Prometheus.
    package func render() -> [UInt8] {
        var writer = ExpositionWriter()
        for family in MetricCatalogue.families {
            guard let values = series[family] else { continue }
            writer.write(family, values.sorted { $0.key.lexicographicallyPrecedes($1.key) })
        }
        return writer.bytes
    }
}

// MARK: - Helpers

extension MetricKind {
    /// A series of this kind before its first event.
    var zero: MetricSnapshot.Value {
        switch self {
        case .counter, .gauge: .number(0)
        case .histogram(let buckets):
            .histogram(bucketCounts: Array(repeating: 0, count: buckets.count), sum: 0)
        }
    }
}

extension MetricDefinition {
    /// Whether a series of the family can look like this.
    func accepts(_ value: MetricSnapshot.Value, labels values: [String]) -> Bool {
        guard values.count == labels.count else { return false }
        switch (kind, value) {
        case (.counter, .number), (.gauge, .number): return true
        case (.histogram(let buckets), .histogram(let counts, _)): return counts.count == buckets.count
        default: return false
        }
    }
}

extension MetricSnapshot.Value? {
    /// Adds to what is there, if anything is.
    fileprivate mutating func add(_ value: MetricSnapshot.Value) {
        switch (self, value) {
        case (nil, _):
            self = value
        case (.number(let old), .number(let more)):
            self = .number(old + more)
        case (.histogram(let old, let oldSum), .histogram(let more, let moreSum)):
            self = .histogram(bucketCounts: zip(old, more).map { $0 &+ $1 }, sum: oldSum + moreSum)
        default:
            break  // `accepts` lets only one kind into a family
        }
    }
}
