// Durations as Go writes and reads them (`time.ParseDuration`), because every Corefile in the field does.

/// A length of time in nanoseconds, possibly negative, as Go's `time.Duration`.
package struct GoDuration: Hashable, Sendable {
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// For constants; traps beyond 292 years.
    package static func milliseconds(_ count: Int64) -> GoDuration {
        GoDuration(nanoseconds: count * 1_000_000)
    }
    package static func seconds(_ count: Int64) -> GoDuration {
        GoDuration(nanoseconds: count * 1_000_000_000)
    }
    package static func minutes(_ count: Int64) -> GoDuration { .seconds(count * 60) }
    package static func hours(_ count: Int64) -> GoDuration { .seconds(count * 3600) }
    package static let zero = GoDuration(nanoseconds: 0)
}

extension GoDuration: Comparable {
    package static func < (left: GoDuration, right: GoDuration) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}

// MARK: - Text

extension GoDuration {
    private static let units: [String: UInt64] = [
        "ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 1_000_000, "s": 1_000_000_000,
        "m": 60_000_000_000, "h": 3_600_000_000_000,
    ]

    /// Reads `300ms`, `1.5h`, `1h30m`, `-5s` or `0`; a unit is needed for anything but zero.
    package init?(_ text: some StringProtocol) {
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if isNegative || rest.first == "+" { rest.removeFirst() }
        if rest == "0" {
            self = .zero
            return
        }
        guard !rest.isEmpty else { return nil }
        var total: UInt64 = 0
        while !rest.isEmpty {
            guard let part = Self.takePart(from: &rest) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow, sum <= UInt64(Int64.max) else { return nil }
            total = sum
        }
        self.init(nanoseconds: isNegative ? -Int64(total) : Int64(total))
    }

    /// Takes one `number unit` pair, in nanoseconds.
    private static func takePart(from rest: inout Substring) -> UInt64? {
        let whole = takeDigits(from: &rest)
        var fraction = Substring()
        if rest.first == "." {
            rest.removeFirst()
            fraction = takeDigits(from: &rest)
        }
        guard !(whole.isEmpty && fraction.isEmpty) else { return nil }
        let unitText = rest.prefix { $0 != "." && !$0.isASCIIDigit }
        rest = rest[unitText.endIndex...]
        guard let unit = units[String(unitText)], let count = whole.isEmpty ? 0 : UInt64(whole) else {
            return nil
        }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        var remainder: UInt64 = 0
        var scale = unit
        for digit in fraction {
            scale /= 10
            remainder += UInt64(digit.wholeNumberValue ?? 0) * scale
        }
        let (sum, carried) = product.addingReportingOverflow(remainder)
        return carried ? nil : sum
    }

    private static func takeDigits(from rest: inout Substring) -> Substring {
        let digits = rest.prefix(while: \.isASCIIDigit)
        rest = rest[digits.endIndex...]
        return digits
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}

extension GoDuration: CustomStringConvertible {
    /// As Go prints it: `1h0m0s`, `22.5s`, `500ms`, `0s`.
    package var description: String {
        let sign = nanoseconds < 0 ? "-" : ""
        let total = nanoseconds.magnitude
        switch total {
        case 0: return "0s"
        case ..<1000: return "\(sign)\(total)ns"
        case ..<1_000_000: return sign + Self.decimal(total, digits: 3) + "µs"
        case ..<1_000_000_000: return sign + Self.decimal(total, digits: 6) + "ms"
        default:
            let hours = total / 3_600_000_000_000
            let minutes = total / 60_000_000_000 % 60
            let seconds = Self.decimal(total % 60_000_000_000, digits: 9) + "s"
            if hours > 0 { return "\(sign)\(hours)h\(minutes)m" + seconds }
            return minutes > 0 ? "\(sign)\(minutes)m" + seconds : sign + seconds
        }
    }

    /// `value` divided by ten to the `digits`, without trailing zeros.
    private static func decimal(_ value: UInt64, digits: Int) -> String {
        let scale = (0..<digits).reduce(UInt64(1)) { product, _ in product * 10 }
        var fraction = String(value % scale)
        fraction = String(repeating: "0", count: digits - fraction.count) + fraction
        while fraction.last == "0" { fraction.removeLast() }
        return fraction.isEmpty ? "\(value / scale)" : "\(value / scale).\(fraction)"
    }
}
