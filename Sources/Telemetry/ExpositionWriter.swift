// Prometheus' text format 0.0.4, as Go's client prints it: one HELP and TYPE per family, numbers as
// `strconv` writes them. Order and sums are `MetricSnapshot`'s.

/// Writes families into bytes.
///
/// A node with a hundred zones has some ten thousand lines, written while the node has better things to do: what
/// repeats (a series' labels, a bucket's bound) is made once, and no line becomes a `String`.
struct ExpositionWriter {
    /// The text so far.
    private(set) var bytes: [UInt8] = []
    /// The labels of the series at hand, without braces.
    private var labels: [UInt8] = []

    init() {
        bytes.reserveCapacity(64 << 10)
    }

    /// Writes a family with its series in the given order.
    mutating func write(
        _ family: MetricFamily,
        _ series: [(key: [String], value: MetricSnapshot.Value)]
    ) {
        let definition = MetricCatalogue[family]
        let name = Array(family.rawValue.utf8)
        append("# HELP \(family.rawValue) ")
        Self.append(definition.help, quotes: false, to: &bytes)
        append("\n")
        append("# TYPE \(family.rawValue) \(definition.kind.name)\n")
        let labelNames = definition.labels.map { Array("\($0)=\"".utf8) }
        switch definition.kind {
        case .counter, .gauge:
            for case (let values, .number(let number)) in series {
                setLabels(labelNames, values)
                sample(name, number)
            }
        case .histogram(let buckets):
            let names = Histogram(name, buckets)
            for case (let values, .histogram(let counts, let sum)) in series {
                setLabels(labelNames, values)
                histogram(names, counts, sum)
            }
        }
    }

    private mutating func setLabels(_ names: [[UInt8]], _ values: [String]) {
        labels.removeAll(keepingCapacity: true)
        for (name, value) in zip(names, values) {
            if !labels.isEmpty { labels.append(UInt8(ascii: ",")) }
            labels.append(contentsOf: name)
            Self.append(value, quotes: true, to: &labels)
            labels.append(UInt8(ascii: "\""))
        }
    }

    /// What all series of a histogram have in common.
    private struct Histogram {
        let bucket: [UInt8]
        let sum: [UInt8]
        let count: [UInt8]
        /// `le="0.00025"} ` for every bucket.
        let bounds: [[UInt8]]

        init(_ name: [UInt8], _ buckets: Buckets) {
            bucket = name + Array("_bucket{".utf8)
            sum = name + Array("_sum".utf8)
            count = name + Array("_count".utf8)
            bounds = (buckets.bounds + [.infinity]).map {
                var bound = Array("le=\"".utf8)
                ExpositionWriter.append($0, to: &bound)
                return bound + Array("\"} ".utf8)
            }
        }
    }

    private mutating func histogram(_ names: Histogram, _ counts: [UInt64], _ sum: Double) {
        var total: UInt64 = 0
        for (bound, count) in zip(names.bounds, counts) {
            total &+= count
            bytes.append(contentsOf: names.bucket)
            if !labels.isEmpty {
                bytes.append(contentsOf: labels)
                bytes.append(UInt8(ascii: ","))
            }
            bytes.append(contentsOf: bound)
            Self.append(Double(total), to: &bytes)
            bytes.append(UInt8(ascii: "\n"))
        }
        sample(names.sum, sum)
        sample(names.count, Double(total))
    }

    private mutating func sample(_ name: [UInt8], _ value: Double) {
        bytes.append(contentsOf: name)
        if !labels.isEmpty {
            bytes.append(UInt8(ascii: "{"))
            bytes.append(contentsOf: labels)
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(UInt8(ascii: " "))
        Self.append(value, to: &bytes)
        bytes.append(UInt8(ascii: "\n"))
    }

    private mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }
}

// MARK: - Text of values

extension ExpositionWriter {
    /// Backslashes and line feeds, and in label values quotes, get a backslash.
    static func append(_ text: String, quotes: Bool, to bytes: inout [UInt8]) {
        for octet in text.utf8 {
            switch octet {
            case UInt8(ascii: "\\"): bytes.append(contentsOf: #"\\"#.utf8)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: #"\n"#.utf8)
            case UInt8(ascii: "\"") where quotes: bytes.append(contentsOf: #"\""#.utf8)
            default: bytes.append(octet)
            }
        }
    }

    /// The shortest text that reads back as `value`, in the form of Go's `FormatFloat(value, 'g', -1, 64)`. Counts,
    /// which nearly all values are, take the short way.
    static func append(_ value: Double, to bytes: inout [UInt8]) {
        guard value != 0 else { return bytes.append(UInt8(ascii: "0")) }
        // The smallest whole number with a neighbour that is none is 2^53.
        guard value > 0, value < 9_007_199_254_740_992, value == value.rounded(.towardZero) else {
            return bytes.append(contentsOf: text(of: value).utf8)
        }
        let start = bytes.count
        var rest = UInt64(value)
        while rest > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        }
        bytes[start...].reverse()
        let exponent = bytes.count - start - 1
        guard exponent >= 6 else { return }
        while bytes.last == UInt8(ascii: "0") { bytes.removeLast() }
        if bytes.count > start + 1 { bytes.insert(UInt8(ascii: "."), at: start + 1) }
        bytes.append(contentsOf: exponent < 10 ? "e+0".utf8 : "e+".utf8)
        if exponent >= 10 { bytes.append(UInt8(ascii: "1")) }
        bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: exponent % 10))
    }

    private static func text(of value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == 0 { return "0" }
        if value.magnitude < 1_000_000, value == value.rounded(.towardZero) { return String(Int(value)) }

        // Swift prints the same shortest digits, but Go turns to exponents below 1e-4 and from 1e6 (its %e rule).
        let parts = value.magnitude.description.split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let written = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let whole = mantissa[0]
        let fraction = mantissa.count > 1 ? mantissa[1] : ""
        let all = whole + fraction
        let digits = all.drop { $0 == "0" }
        let exponent = written + whole.count - 1 - (all.count - digits.count)
        return (value < 0 ? "-" : "") + text(digits: trimmed(digits), exponent: exponent)
    }

    /// Places the point into `d.ddd * 10^exponent`.
    private static func text(digits: Substring, exponent: Int) -> String {
        if exponent < -4 || exponent >= 6 {
            let power = String(exponent.magnitude)
            let fraction = digits.count > 1 ? "." + digits.dropFirst() : ""
            return
                "\(digits.prefix(1))\(fraction)e\(exponent < 0 ? "-" : "+")\(power.count < 2 ? "0" : "")\(power)"
        }
        if exponent < 0 {
            return "0." + String(repeating: "0", count: -exponent - 1) + digits
        }
        let padded = digits + String(repeating: "0", count: max(0, exponent + 1 - digits.count))
        let fraction = padded.dropFirst(exponent + 1)
        return padded.prefix(exponent + 1) + (fraction.isEmpty ? "" : "." + fraction)
    }

    private static func trimmed(_ digits: Substring) -> Substring {
        var digits = digits
        while digits.last == "0" { digits.removeLast() }
        return digits
    }
}
