// Character classes and escapes.

extension PatternParser {
    // MARK: - Escapes

    /// Nil when the text was rewritten and is to be read again.
    mutating func parseEscape() throws(RegularExpression.Flaw) -> Node? {
        let start = at
        at += 1
        guard let scalar = peek else {
            throw flaw("trailing backslash at end of expression", "")
        }
        switch scalar {
        case "A": return take(.assertion(.startOfText))
        case "z": return take(.assertion(.endOfText))
        case "b": return take(.assertion(.wordBoundary))
        case "B": return take(.assertion(.noWordBoundary))
        case "Q":
            unquote(from: start)
            return nil
        default: break
        }
        if let set = try parseClassEscape(from: start) { return .set(set) }
        return .set(literal(try parseScalarEscape(from: start)))
    }

    private mutating func take(_ node: Node) -> Node {
        at += 1
        return node
    }

    /// `\Q…\E`: nothing in between means anything. Rewritten as single escapes, because what follows belongs to the
    /// last of them.
    private mutating func unquote(from start: Int) {
        var plain: [Unicode.Scalar] = []
        at += 1
        while let scalar = peek {
            if scalar == "\\", at + 1 < scalars.count, scalars[at + 1] == "E" {
                at += 2
                break
            }
            let isPunctuation = scalar.value < 0x80 && !ScalarSet.words.contains(scalar.value)
            plain += isPunctuation ? ["\\", scalar] : [scalar]
            at += 1
        }
        scalars.replaceSubrange(start..<at, with: plain)
        at = start
    }

    /// `\d`, `\S` and their kind, behind the backslash; nil when it is something else.
    private mutating func parseClassEscape(from start: Int) throws(RegularExpression.Flaw) -> ScalarSet? {
        let set: ScalarSet
        switch peek {
        case "d": set = .digits
        case "D": set = .digits.inverted
        case "s": set = .spaces
        case "S": set = .spaces.inverted
        case "w": set = .words
        case "W": set = .words.inverted
        case "p", "P":
            throw flaw("Unicode classes are not supported here", text(start..<min(at + 1, scalars.count)))
        default: return nil
        }
        at += 1
        return set
    }

    /// One scalar, behind the backslash.
    private mutating func parseScalarEscape(from start: Int) throws(RegularExpression.Flaw) -> UInt32 {
        guard let scalar = peek else { throw flaw("trailing backslash at end of expression", "") }
        at += 1
        switch scalar {
        case "a": return 7
        case "f": return 12
        case "n": return 10
        case "r": return 13
        case "t": return 9
        case "v": return 11
        case "x": return try parseHexadecimal(from: start)
        case "0"..."7":
            // `\1` would be a backreference, which no linear-time machine has; `\0` and `\12` are octal.
            var value = scalar.value - 0x30
            guard scalar == "0" || peek.map({ ("0"..."7").contains($0) }) == true else { break }
            var digits = 1
            while digits < 3, let next = peek, ("0"..."7").contains(next) {
                value = value * 8 + next.value - 0x30
                digits += 1
                at += 1
            }
            return value
        default:
            if scalar.value < 0x80, !ScalarSet.words.contains(scalar.value) { return scalar.value }
        }
        throw flaw("invalid escape sequence", text(start..<at))
    }

    /// `7F` or `{10FFFF}`.
    private mutating func parseHexadecimal(from start: Int) throws(RegularExpression.Flaw) -> UInt32 {
        var digits = ""
        if peek == "{" {
            at += 1
            while let scalar = peek, scalar != "}" {
                digits.unicodeScalars.append(scalar)
                at += 1
            }
            at += 1
        } else {
            for _ in 0..<2 {
                guard let scalar = peek else { break }
                digits.unicodeScalars.append(scalar)
                at += 1
            }
            if digits.count < 2 { digits = "" }
        }
        let isHexadecimal = digits.unicodeScalars.allSatisfy { $0.properties.isASCIIHexDigit }
        guard isHexadecimal, let value = UInt32(digits, radix: 16), value <= 0x10ffff else {
            throw flaw("invalid escape sequence", text(start..<min(at, scalars.count)))
        }
        return value
    }

    // MARK: - Classes

    /// `[a-z]`, from its bracket on.
    mutating func parseClass() throws(RegularExpression.Flaw) -> ScalarSet {
        let start = at
        at += 1
        let isInverted = peek == "^"
        if isInverted { at += 1 }
        var set = ScalarSet([])
        var isFirst = true
        while peek != "]" || isFirst {
            guard peek != nil else { throw flaw("missing closing ]", text(start..<scalars.count)) }
            isFirst = false
            if let named = try parseNamedClass() {
                set = set.union(named)
                continue
            }
            if peek == "\\" {
                let escape = at
                at += 1
                if let part = try parseClassEscape(from: escape) {
                    set = set.union(part)
                    continue
                }
                at = escape
            }
            set = set.union(try parseRange())
        }
        at += 1
        if flags.ignoresCase { set = set.ignoringCase }
        return isInverted ? set.inverted : set
    }

    private mutating func parseRange() throws(RegularExpression.Flaw) -> ScalarSet {
        let start = at
        let low = try parseClassScalar()
        guard peek == "-", at + 1 < scalars.count, scalars[at + 1] != "]" else {
            return ScalarSet([low...low])
        }
        at += 1
        let high = try parseClassScalar()
        guard low <= high else { throw flaw("invalid character class range", text(start..<at)) }
        return ScalarSet([low...high])
    }

    private mutating func parseClassScalar() throws(RegularExpression.Flaw) -> UInt32 {
        guard let scalar = peek else { throw flaw("missing closing ]", text(0..<scalars.count)) }
        let start = at
        at += 1
        return scalar == "\\" ? try parseScalarEscape(from: start) : scalar.value
    }

    /// `[:alpha:]` or `[:^alpha:]` inside a class; nil when there is none.
    private mutating func parseNamedClass() throws(RegularExpression.Flaw) -> ScalarSet? {
        guard peek == "[", at + 1 < scalars.count, scalars[at + 1] == ":" else { return nil }
        var end = at + 2
        while end < scalars.count, scalars[end] != "]" { end += 1 }
        guard end < scalars.count, scalars[end - 1] == ":", end - 1 > at + 1 else { return nil }
        let whole = text(at..<end + 1)
        var name = text(at + 2..<end - 1)
        let isInverted = name.hasPrefix("^")
        if isInverted { name.removeFirst() }
        guard let set = ScalarSet.named(name) else { throw flaw("invalid character class range", whole) }
        at = end + 1
        return isInverted ? set.inverted : set
    }
}
