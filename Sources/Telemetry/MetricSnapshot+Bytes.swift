// A snapshot as bytes, for the way between our two processes: each shows both processes' numbers. The
// reader trusts nothing: whatever arrives either is a snapshot or is an error, and memory stays in
// proportion to the input. No format for disks: both ends are the same program.

/// Why bytes are not a snapshot.
package enum SnapshotError: Error, Hashable, Sendable {
    /// The bytes end too early.
    case truncated
    /// The first byte is not this version's.
    case unknownVersion
    /// A series that the catalogue does not allow, or text that is not UTF-8.
    case malformed
}

extension MetricSnapshot {
    /// Raised when the layout below changes.
    private static let version: UInt8 = 1

    private enum Tag {
        static let number: UInt8 = 0
        static let histogram: UInt8 = 1
    }

    /// Version; then per series: name, count of labels, labels, tag, and the number or the buckets and sum.
    ///
    /// Texts are 16-bit lengths and UTF-8; numbers are 64 bits; all little-endian.
    package func encoded() -> [UInt8] {
        var bytes = [Self.version]
        for family in MetricCatalogue.families {
            for (labels, value) in series[family] ?? [:] {
                bytes.append(text: family.rawValue)
                bytes.append(UInt8(truncatingIfNeeded: labels.count))
                for label in labels { bytes.append(text: label) }
                switch value {
                case .number(let number):
                    bytes.append(Tag.number)
                    bytes.append(number: number.bitPattern)
                case .histogram(let counts, let sum):
                    bytes.append(Tag.histogram)
                    bytes.append(UInt8(truncatingIfNeeded: counts.count))
                    for count in counts { bytes.append(number: count) }
                    bytes.append(number: sum.bitPattern)
                }
            }
        }
        return bytes
    }

    /// Reads what `encoded` wrote; families this program does not know are skipped.
    package init(decoding bytes: [UInt8]) throws(SnapshotError) {
        self.init()
        var reader = SnapshotReader(rest: bytes[...])
        guard try reader.byte() == Self.version else { throw .unknownVersion }
        while !reader.rest.isEmpty {
            let name = try reader.text()
            let labelCount = try reader.byte()
            var labels: [String] = []
            for _ in 0..<labelCount { labels.append(try reader.text()) }
            let value = try Self.value(&reader)
            guard let family = MetricFamily(rawValue: name) else { continue }
            guard MetricCatalogue[family].accepts(value, labels: labels) else { throw .malformed }
            addDecoded(value, to: family, labels)
        }
    }

    private static func value(_ reader: inout SnapshotReader) throws(SnapshotError) -> Value {
        switch try reader.byte() {
        case Tag.number:
            return .number(Double(bitPattern: try reader.number()))
        case Tag.histogram:
            let bucketCount = try reader.byte()
            var counts: [UInt64] = []
            for _ in 0..<bucketCount { counts.append(try reader.number()) }
            return .histogram(bucketCounts: counts, sum: Double(bitPattern: try reader.number()))
        default:
            throw .malformed
        }
    }

    private mutating func addDecoded(_ value: Value, to family: MetricFamily, _ labels: [String]) {
        switch value {
        case .number(let number): add(family, labels: labels, number)
        case .histogram(let counts, let sum):
            addHistogram(family, labels: labels, bucketCounts: counts, sum: sum)
        }
    }
}

// MARK: - Helpers

extension [UInt8] {
    /// A text longer than 65 535 bytes is cut; no label of ours comes near.
    fileprivate mutating func append(text: String) {
        let length = UInt16(clamping: text.utf8.count)
        append(UInt8(truncatingIfNeeded: length))
        append(UInt8(truncatingIfNeeded: length >> 8))
        append(contentsOf: text.utf8.prefix(Int(length)))
    }

    fileprivate mutating func append(number: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) {
            append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
        }
    }
}

/// Takes values off the front of bytes nobody has checked.
private struct SnapshotReader {
    var rest: ArraySlice<UInt8>

    mutating func byte() throws(SnapshotError) -> UInt8 {
        guard let first = rest.popFirst() else { throw .truncated }
        return first
    }

    mutating func number() throws(SnapshotError) -> UInt64 {
        try take(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func text() throws(SnapshotError) -> String {
        let length = try Int(byte()) | Int(byte()) << 8
        guard let text = String(validating: try take(length), as: UTF8.self) else { throw .malformed }
        return text
    }

    private mutating func take(_ count: Int) throws(SnapshotError) -> ArraySlice<UInt8> {
        guard rest.count >= count else { throw .truncated }
        let taken = rest.prefix(count)
        rest = rest.dropFirst(count)
        return taken
    }
}
