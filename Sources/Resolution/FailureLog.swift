// The `errors` plugin: failures in node-cache's words, and its consolidation of lines that repeat.

import DNSWire
package import Timing

/// A `consolidate` rule: errors whose text it matches become one line per interval.
package struct ConsolidationRule: Sendable {
    /// Shown in the summary line.
    package let pattern: String
    package let interval: Interval
    package let level: FailureLevel
    package let matches: @Sendable (String) -> Bool

    package init(
        pattern: String,
        interval: Interval,
        level: FailureLevel,
        matches: @escaping @Sendable (String) -> Bool
    ) {
        self.pattern = pattern
        self.interval = interval
        self.level = level
        self.matches = matches
    }
}

/// The level of a line about failures.
package enum FailureLevel: String, Sendable {
    case debug
    case info
    case warning
    case error
}

/// Writes lines about failures; confined to the event loop.
package final class FailureLog {
    private struct Heap {
        var count = 0
        let since: Instant
        let rule: ConsolidationRule
    }

    private struct HeapKey: Hashable {
        let block: ObjectIdentifier
        let rule: Int
    }

    /// Lines between two calls of `flush`: what a person reads, and no more than a disk and a log pipeline bear
    /// when every question of a flood fails.
    package static let mostLines = 100

    private let write: (FailureLevel, String) -> Void
    private var heaps: [HeapKey: Heap] = [:]
    private var repeated = RepeatedFailures()
    private var written = 0
    private var unwritten = 0

    /// `write` gets whole lines without level or line end.
    package init(write: @escaping (FailureLevel, String) -> Void) {
        self.write = write
    }

    /// `plugin/errors: 2 example.org. A: read udp …: i/o timeout`, or one more on its rule's heap,
    /// or of its kind.
    func note(
        _ block: ServerBlock,
        _ failure: UpstreamFailure,
        _ name: DomainName,
        _ type: RecordType,
        at now: Instant
    ) {
        if let index = block.consolidations.firstIndex(where: { $0.matches(failure.description) }) {
            let key = HeapKey(block: ObjectIdentifier(block), rule: index)
            heaps[key, default: Heap(since: now, rule: block.consolidations[index])].count += 1
            return
        }
        guard written < Self.mostLines else {
            unwritten += 1
            return
        }
        guard !repeated.isRepeated(RepeatedFailures.Key(failure, name, type), at: now) else { return }
        written += 1
        write(.error, Self.line(failure.responseCode, name, type, failure.description))
    }

    private static func line(
        _ code: ResponseCode,
        _ name: DomainName,
        _ type: RecordType,
        _ description: String
    ) -> String {
        "plugin/errors: \(code.rawValue) \(name) \(type): \(description)"
    }

    /// Writes the summaries whose interval is over, and what was too much; to be called every second.
    package func flush(at now: Instant) {
        for (key, heap) in heaps where now - heap.since >= heap.rule.interval { flush(key) }
        for (key, count) in repeated.takeCounts(at: now) {
            let line = Self.line(key.code, key.name, key.type, key.description)
            let seconds = RepeatedFailures.interval.nanoseconds / 1_000_000_000
            write(.error, "\(line) (\(count) more in last \(seconds)s)")
        }
        if unwritten > 0 { write(.error, "plugin/errors: \(unwritten) more errors in the last second") }
        written = 0
        unwritten = 0
    }

    /// Writes all summaries of a block, or of all.
    package func flush(_ block: ServerBlock? = nil) {
        for key in heaps.keys where block.map({ ObjectIdentifier($0) == key.block }) ?? true { flush(key) }
    }

    private func flush(_ key: HeapKey) {
        guard let heap = heaps.removeValue(forKey: key) else { return }
        let seconds = heap.rule.interval.nanoseconds / 1_000_000_000
        write(
            heap.rule.level,
            "plugin/errors: \(heap.count) errors like '\(heap.rule.pattern)' occurred in last \(seconds)s"
        )
    }
}
