// Prometheus' text format 0.0.4, as Go's client prints it: one HELP and TYPE per family, numbers as
// `strconv` writes them. Order and sums are `MetricSnapshot`'s.

/// Writes families into bytes.
struct ExpositionWriter {
    /// The text so far.
    private(set) var bytes: [UInt8] = []

    init() {
        bytes.reserveCapacity(64 << 10)
    }

    /// Writes a family with its series in the given order.
    mutating func write(
        _ family: MetricFamily,
        _ series: [(key: [String], value: MetricSnapshot.Value)]
    ) {
        let definition = MetricCatalogue[family]
        let name = family.rawValue
        append("# HELP \(name) \(Self.escaped(definition.help, quotes: false))\n")
        append("# TYPE \(name) \(definition.kind.name)\n")
        for (values, value) in series {
            let labels = zip(definition.labels, values)
                .map { "\($0)=\"\(Self.escaped($1, quotes: true))\"" }
                .joined(separator: ",")
            switch value {
            case .number(let number):
                sample(name, labels, number)
            case .histogram(let counts, let sum):
                histogram(name, labels, definition.kind, counts, sum)
            }
        }
    }

    private mutating func histogram(
        _ name: String,
        _ labels: String,
        _ kind: MetricKind,
        _ counts: [UInt64],
        _ sum: Double
    ) {
        guard case .histogram(let buckets) = kind else { return }
        let comma = labels.isEmpty ? "" : ","
        var total: UInt64 = 0
        for (bound, count) in zip(buckets.bounds + [.infinity], counts) {
            total &+= count
            let bound = Self.text(of: bound)
            sample(name + "_bucket", "\(labels)\(comma)le=\"\(bound)\"", Double(total))
        }
        sample(name + "_sum", labels, sum)
        sample(name + "_count", labels, Double(total))
    }

    private mutating func sample(_ name: String, _ labels: String, _ value: Double) {
        append(name)
        if !labels.isEmpty { append("{\(labels)}") }
        append(" \(Self.text(of: value))\n")
    }

    private mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }
}

// MARK: - Text of values

extension ExpositionWriter {
    /// Backslashes and line feeds, and in label values quotes, get a backslash.
    static func escaped(_ text: String, quotes: Bool) -> String {
        // Scalars, not characters: "\r\n" is one character that is neither "\r" nor "\n".
        guard text.unicodeScalars.contains(where: { $0 == "\\" || $0 == "\n" || $0 == "\"" }) else {
            return text
        }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\"" where quotes: result.append(contentsOf: "\\\"".unicodeScalars)
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    /// The shortest text that reads back as `value`, in the form of Go's `FormatFloat(value, 'g', -1, 64)`.
    static func text(of value: Double) -> String {
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
