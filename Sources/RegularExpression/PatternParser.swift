// Text to tree: RE2's syntax as Go documents it (regexp/syntax). What Go refuses is refused in its words;
// Unicode classes other than ASCII's are refused too, because no name needs them.

/// Reads one pattern.
struct PatternParser {
    /// Go's bounds: a repetition counts to 1000, and so does nesting.
    static let maximumRepeat = 1000
    static let maximumDepth = 250

    struct Flags {
        var ignoresCase = false
        var isMultiline = false
        var dotMatchesNewline = false
        var isUngreedy = false
    }

    private let whole: String
    var scalars: [Unicode.Scalar]
    var at = 0
    var flags = Flags()
    private(set) var groupNames: [String?] = [nil]
    private var depth = 0

    init(_ pattern: String) {
        whole = pattern
        scalars = Array(pattern.unicodeScalars)
    }

    mutating func parse() throws(RegularExpression.Flaw) -> Node {
        let node = try parseChoice()
        guard at == scalars.count else { throw flaw("unexpected )", whole) }
        return node
    }

    // MARK: - Structure

    private mutating func parseChoice() throws(RegularExpression.Flaw) -> Node {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else { throw flaw("expression nests too deeply", whole) }
        var branches = [try parseSequence()]
        while peek == "|" {
            at += 1
            branches.append(try parseSequence())
        }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func parseSequence() throws(RegularExpression.Flaw) -> Node {
        var nodes: [Node] = []
        while let scalar = peek, scalar != "|", scalar != ")" {
            let start = at
            guard let atom = try parseAtom() else { continue }
            nodes.append(try parseRepeats(of: atom, from: start))
        }
        return nodes.count == 1 ? nodes[0] : .sequence(nodes)
    }

    private mutating func parseRepeats(
        of atom: Node,
        from start: Int
    ) throws(RegularExpression.Flaw) -> Node {
        guard let bounds = try parseRepeat() else { return atom }
        var isGreedy = !flags.isUngreedy
        if peek == "?" {
            at += 1
            isGreedy.toggle()
        }
        let end = at
        // Go takes `a**` for a mistake, which it mostly is.
        if try parseRepeat() != nil {
            throw flaw("invalid nested repetition operator", text(end - 1..<at))
        }
        return .repeat(atom, atLeast: bounds.0, atMost: bounds.1, isGreedy: isGreedy)
    }

    private mutating func parseRepeat() throws(RegularExpression.Flaw) -> (Int, Int?)? {
        switch peek {
        case "*":
            at += 1
            return (0, nil)
        case "+":
            at += 1
            return (1, nil)
        case "?":
            at += 1
            return (0, 1)
        case "{": return try parseCount()
        default: return nil
        }
    }

    /// `{2}`, `{2,}` or `{2,5}`; anything else is plain text.
    private mutating func parseCount() throws(RegularExpression.Flaw) -> (Int, Int?)? {
        let start = at
        at += 1
        guard let low = parseNumber() else {
            at = start
            return nil
        }
        var high: Int? = low
        if peek == "," {
            at += 1
            high = peek == "}" ? nil : parseNumber() ?? -1
        }
        guard peek == "}", high != -1 else {
            at = start
            return nil
        }
        at += 1
        guard low <= Self.maximumRepeat, high ?? 0 <= Self.maximumRepeat, high ?? low >= low else {
            throw flaw("invalid repeat count", text(start..<at))
        }
        return (low, high)
    }

    private mutating func parseNumber() -> Int? {
        var value: Int?
        while let scalar = peek, ("0"..."9").contains(scalar) {
            value = min(100_000, (value ?? 0) * 10 + Int(scalar.value - 0x30))
            at += 1
        }
        return value
    }

    // MARK: - Atoms

    /// Nil for something that only sets flags.
    private mutating func parseAtom() throws(RegularExpression.Flaw) -> Node? {
        guard let scalar = peek else { return nil }
        switch scalar {
        case "(": return try parseGroup()
        case "[": return .set(try parseClass())
        case "\\": return try parseEscape()
        case "*", "+", "?":
            throw flaw("missing argument to repetition operator", String(scalar))
        case "{":
            let start = at
            if try parseCount() != nil {
                throw flaw("missing argument to repetition operator", text(start..<at))
            }
        default: break
        }
        at += 1
        switch scalar {
        case ".":
            return .set(flags.dotMatchesNewline ? .all : ScalarSet([10...10]).inverted)
        case "^": return .assertion(flags.isMultiline ? .startOfLine : .startOfText)
        case "$": return .assertion(flags.isMultiline ? .endOfLine : .endOfText)
        default: return .set(literal(scalar.value))
        }
    }

    func literal(_ scalar: UInt32) -> ScalarSet {
        let set = ScalarSet([scalar...scalar])
        return flags.ignoresCase ? set.ignoringCase : set
    }

    private mutating func parseGroup() throws(RegularExpression.Flaw) -> Node? {
        let start = at
        at += 1
        let outer = flags
        var number: Int?
        if peek == "?" {
            at += 1
            if peek == "P" || peek == "<" {
                groupNames.append(try parseGroupName(from: start))
                number = groupNames.count - 1
            } else {
                let isGroup = try parseFlags(from: start)
                // `(?i)` holds to the end of the group around it.
                if !isGroup { return nil }
            }
        } else {
            groupNames.append(nil)
            number = groupNames.count - 1
        }
        let body = try parseChoice()
        guard peek == ")" else { throw flaw("missing closing )", whole) }
        at += 1
        flags = outer
        return number.map { .group(body, number: $0) } ?? body
    }

    /// `?P<name>` or `?<name>`, behind the question mark.
    private mutating func parseGroupName(from start: Int) throws(RegularExpression.Flaw) -> String {
        if peek == "P" { at += 1 }
        guard peek == "<" else { throw flaw("invalid named capture", text(start..<scalars.count)) }
        at += 1
        let nameStart = at
        while let scalar = peek, scalar != ">" {
            guard ScalarSet.words.contains(scalar.value) else { break }
            at += 1
        }
        let name = text(nameStart..<at)
        guard peek == ">", !name.isEmpty else {
            throw flaw("invalid named capture", text(start..<min(at + 1, scalars.count)))
        }
        at += 1
        guard !groupNames.contains(name) else { throw flaw("duplicate capture group name", name) }
        return name
    }

    /// `?i-s:` or `?i)`; true when a group follows.
    private mutating func parseFlags(from start: Int) throws(RegularExpression.Flaw) -> Bool {
        let outer = flags
        var value = true
        while let scalar = peek {
            at += 1
            switch scalar {
            case "i": flags.ignoresCase = value
            case "m": flags.isMultiline = value
            case "s": flags.dotMatchesNewline = value
            case "U": flags.isUngreedy = value
            case "-" where value: value = false
            case ":":
                // The flags end with the group, which the caller sees to.
                return true
            case ")": return false
            default:
                flags = outer
                throw flaw("invalid or unsupported Perl syntax", text(start..<at))
            }
        }
        throw flaw("missing closing )", whole)
    }

    // MARK: - Helpers

    var peek: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

    func text(_ range: Range<Int>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[range])
        return String(view)
    }

    func flaw(_ problem: String, _ fragment: String) -> RegularExpression.Flaw {
        RegularExpression.Flaw(problem: problem, fragment: fragment)
    }
}
