// Which failures were told already: the same one is a line once, and then a count every half minute.

import DNSWire
import Timing

/// The failures of the last half minute.
struct RepeatedFailures {
    /// What makes two failures the same: everything that the line says but the port we asked from.
    struct Key: Hashable {
        let code: ResponseCode
        let name: DomainName
        let type: RecordType
        let description: String

        init(_ failure: UpstreamFailure, _ name: DomainName, _ type: RecordType) {
            code = failure.responseCode
            self.name = name
            self.type = type
            description = Self.withoutOwnPort(failure.description)
        }

        /// `read udp 192.0.2.1->192.0.2.53:53: i/o timeout` of `read udp 192.0.2.1:40003->…`.
        private static func withoutOwnPort(_ text: String) -> String {
            guard let arrow = text.firstRange(of: "->"),
                let colon = text[..<arrow.lowerBound].lastIndex(of: ":")
            else { return text }
            return String(text[..<colon] + text[arrow.lowerBound...])
        }
    }

    private struct Repetition {
        var count = 0
        var since: Instant
    }

    /// Long enough to be quiet, short enough that a count tells when the trouble was.
    static let interval = Interval.seconds(30)

    private var known: [Key: Repetition] = [:]

    /// Whether the failure was told within the interval; it is counted then, and remembered if not.
    ///
    /// The caller bounds how many it tells, and with them the memory of this.
    mutating func isRepeated(_ key: Key, at now: Instant) -> Bool {
        guard known[key] == nil else {
            known[key]?.count += 1
            return true
        }
        known[key] = Repetition(since: now)
        return false
    }

    /// How often failures whose interval is over were repeated; those that were not are forgotten.
    mutating func takeCounts(at now: Instant) -> [(key: Key, count: Int)] {
        let over = known.filter { now - $0.value.since >= Self.interval }
        for (key, repetition) in over {
            known[key] = repetition.count > 0 ? Repetition(since: now) : nil
        }
        return over.filter { $0.value.count > 0 }.map { ($0.key, $0.value.count) }
    }
}
