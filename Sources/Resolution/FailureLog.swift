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
        var count: Int
        let since: Instant
    }

    private let write: (FailureLevel, String) -> Void
    private var rules: [ObjectIdentifier: [ConsolidationRule]] = [:]
    private var heaps: [ObjectIdentifier: [Int: Heap]] = [:]

    /// `write` gets whole lines without level or line end.
    package init(write: @escaping (FailureLevel, String) -> Void) {
        self.write = write
    }

    /// The rules of each block; what was being counted is written out first.
    package func adopt(_ rules: [(block: ServerBlock, rules: [ConsolidationRule])]) {
        flush(before: Instant(nanoseconds: .max))
        self.rules = Dictionary(uniqueKeysWithValues: rules.map { (ObjectIdentifier($0.block), $0.rules) })
    }

    /// `[ERROR] plugin/errors: 2 example.org. A: read udp …: i/o timeout`, or one more on its rule's heap.
    func note(
        _ block: ServerBlock,
        _ failure: UpstreamFailure,
        _ name: DomainName,
        _ type: RecordType,
        at now: Instant
    ) {
        let id = ObjectIdentifier(block)
        if let index = rules[id]?.firstIndex(where: { $0.matches(failure.description) }) {
            heaps[id, default: [:]][index, default: Heap(count: 0, since: now)].count += 1
            return
        }
        write(
            .error,
            "plugin/errors: \(failure.responseCode.rawValue) \(name) \(type): \(failure.description)"
        )
    }

    /// Writes the summaries whose interval is over; called now and then, and at the end.
    package func flush(before now: Instant) {
        for (id, heaps) in self.heaps {
            for (index, heap) in heaps {
                guard let rule = rules[id]?[index],
                    now.nanoseconds == .max || now - heap.since >= rule.interval
                else { continue }
                let seconds = rule.interval.nanoseconds / 1_000_000_000
                write(
                    rule.level,
                    "plugin/errors: \(heap.count) errors like '\(rule.pattern)' occurred in last \(seconds)s"
                )
                self.heaps[id]?[index] = nil
            }
        }
    }
}
