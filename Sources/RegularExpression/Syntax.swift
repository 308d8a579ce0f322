// A pattern as a tree.

/// A piece of a pattern.
indirect enum Node: Hashable, Sendable {
    case empty
    case set(ScalarSet)
    case assertion(Assertion)
    case sequence([Node])
    /// The first that leads to a match wins.
    case choice([Node])
    case `repeat`(Node, atLeast: Int, atMost: Int?, isGreedy: Bool)
    case group(Node, number: Int)
}

/// Conditions that take no text.
enum Assertion: Hashable, Sendable {
    case startOfText
    case endOfText
    case startOfLine
    case endOfLine
    case wordBoundary
    case noWordBoundary
}

/// Some Unicode scalars, as sorted ranges that do not touch.
struct ScalarSet: Hashable, Sendable {
    private(set) var ranges: [ClosedRange<UInt32>]

    static let all = ScalarSet([0...0x10ffff])
    static let digits = ScalarSet([0x30...0x39])
    static let spaces = ScalarSet([9...10, 12...13, 32...32])
    static let words = ScalarSet([0x30...0x39, 0x41...0x5a, 0x5f...0x5f, 0x61...0x7a])

    init(_ ranges: [ClosedRange<UInt32>]) {
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound &+ 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        self.ranges = merged
    }

    func contains(_ scalar: UInt32) -> Bool {
        // A handful of ranges: walking beats searching.
        ranges.contains { $0.contains(scalar) }
    }

    var inverted: ScalarSet {
        var gaps: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { gaps.append(next...(range.lowerBound - 1)) }
            next = range.upperBound + 1
        }
        if next <= 0x10ffff { gaps.append(next...0x10ffff) }
        return ScalarSet(gaps)
    }

    func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

    /// With the other case of every ASCII letter; names hold no others (RFC 4343, 3).
    var ignoringCase: ScalarSet {
        var more = ranges
        for range in ranges {
            for (letters, shift) in [(0x41...0x5a as ClosedRange<UInt32>, 0x20), (0x61...0x7a, -0x20)] {
                let low = max(range.lowerBound, letters.lowerBound)
                let high = min(range.upperBound, letters.upperBound)
                guard low <= high else { continue }
                more.append(UInt32(Int(low) + shift)...UInt32(Int(high) + shift))
            }
        }
        return ScalarSet(more)
    }

    /// `[:name:]`.
    static func named(_ name: String) -> ScalarSet? {
        switch name {
        case "alnum": ScalarSet([0x30...0x39, 0x41...0x5a, 0x61...0x7a])
        case "alpha": ScalarSet([0x41...0x5a, 0x61...0x7a])
        case "ascii": ScalarSet([0...0x7f])
        case "blank": ScalarSet([9...9, 32...32])
        case "cntrl": ScalarSet([0...31, 127...127])
        case "digit": digits
        case "graph": ScalarSet([0x21...0x7e])
        case "lower": ScalarSet([0x61...0x7a])
        case "print": ScalarSet([0x20...0x7e])
        case "punct": ScalarSet([0x21...0x2f, 0x3a...0x40, 0x5b...0x60, 0x7b...0x7e])
        case "space": ScalarSet([9...13, 32...32])
        case "upper": ScalarSet([0x41...0x5a])
        case "word": words
        case "xdigit": ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66])
        default: nil
        }
    }
}
