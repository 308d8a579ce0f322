// How a `rewrite` line is read; what it means is in RewriteConfiguration.swift.

package import Corefile
import DNSWire
import RegularExpression

package enum Rewrite: Directive {
    package static let name = "rewrite"
    package static let properties = [
        "name [exact|prefix|suffix|substring|regex] FROM TO [answer auto|answer name RE TO|answer value RE TO]...",
        "type FROM TO", "class FROM TO", "ttl [MATCH] NAME SECONDS|MIN-MAX", "rcode [MATCH] NAME FROM TO",
        "cname [MATCH] FROM TO", "edns0 local set|append|replace|unset CODE DATA", "edns0 nsid ACTION",
        "edns0 subnet ACTION V4BITS V6BITS",
    ].map { DirectiveProperty($0) }

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        let rules = lines.compactMap { line in
            block.attempt { () throws(Diagnostic) -> RewriteRule in
                // One rule may stand in braces, over several lines.
                let inner = line.lines.flatMap { [$0.name] + $0.arguments }
                return try rule(Words(line.arguments + inner, behind: line.name), block)
            }
        }
        return [RewriteConfiguration(rules: rules)]
    }

    private static func rule(_ words: Words, _ block: BlockContext) throws(Diagnostic) -> RewriteRule {
        var words = words
        var continues = false
        switch words.peek?.text.lowercased() {
        case "continue":
            continues = true
            words.skip()
        case "stop": words.skip()
        default: break
        }
        let field = try words.next("FIELD FROM TO")
        let change: RewriteRule.Change =
            switch field.text.lowercased() {
            case "name": .name(try nameChange(&words))
            case "type": try typeChange(&words)
            case "class": try classChange(&words)
            case "ttl": try lifetimeChange(&words)
            case "rcode": try codeChange(&words)
            case "cname": try aliasChange(&words)
            case "edns0": .edns(try EDNSChange(reading: &words, block))
            case "answer":
                throw Diagnostic(
                    at: field.location,
                    "response rewrites must begin with a name rule",
                    hint: "write: rewrite name FROM TO answer …"
                )
            default:
                throw Diagnostic(
                    at: field.location,
                    "invalid rule type \"\(field.text)\"",
                    hint: "known: name, type, class, ttl, rcode, cname, edns0"
                )
            }
        try words.requireEnd()
        return RewriteRule(change: change, continues: continues)
    }

    // MARK: - Names

    private static func nameChange(_ words: inout Words) throws(Diagnostic) -> NameChange {
        let form = "name [exact|prefix|suffix|substring|regex] FROM TO"
        let pattern: NamePattern
        var isExact = false
        if words.count == 2 {
            pattern = .exact(Words.closed(try words.next(form)))
            isExact = true
        } else {
            let kind = try words.next(form)
            pattern = try namePattern(kind, try words.next(form), "name", closesSuffix: true)
            if case .exact = pattern { isExact = true }
        }
        let target = try words.next(form)
        var change = NameChange(
            pattern: pattern,
            replacement: target.text.lowercased(),
            restoresAnswers: isExact
        )
        switch pattern {
        case .exact, .suffix: change.replacement = Words.closed(target)
        case .prefix, .substring, .regex: break
        }
        while let word = words.peek {
            guard word.text.lowercased() == "answer" else {
                throw Diagnostic(
                    at: word.location,
                    "exceeded the number of arguments for a non-regex name rule",
                    hint: "write: \(form) [answer auto|answer name RE TO|answer value RE TO]"
                )
            }
            words.skip()
            try answerChange(&words, into: &change)
        }
        return change
    }

    private static func answerChange(
        _ words: inout Words,
        into change: inout NameChange
    ) throws(Diagnostic) {
        let form = "answer [auto|[name|value] FROM TO]"
        let place: AnswerChange.Place
        switch words.peek?.text.lowercased() {
        case "auto":
            words.skip()
            change.restoresAnswers = true
            return
        case "name":
            words.skip()
            place = .name
        case "value":
            words.skip()
            place = .value
        default: place = .name
        }
        let expression = try RegularExpression(reading: try words.next(form))
        let replacement = try words.next(form)
        change.answers.append(
            AnswerChange(place: place, pattern: .regex(expression), replacement: Words.closed(replacement))
        )
    }

    private static func namePattern(
        _ kind: Token,
        _ text: Token,
        _ rule: String,
        closesSuffix: Bool
    ) throws(Diagnostic) -> NamePattern {
        switch kind.text.lowercased() {
        case "exact": return .exact(Words.closed(text))
        case "prefix": return .prefix(text.text.lowercased())
        case "suffix": return .suffix(Words.closed(text))
        case "substring": return .substring(text.text.lowercased())
        case "regex": return .regex(try RegularExpression(reading: text))
        default:
            throw Diagnostic(
                at: kind.location,
                "\(rule) rule supports only exact, prefix, suffix, substring, and regex name matching, "
                    + "received: \(kind.text)",
                hint: "write one of them, or leave it away for exact"
            )
        }
    }

    /// `[MATCH] NAME`, with `rest` words behind it.
    private static func pattern(
        _ words: inout Words,
        _ rule: String,
        rest: Int
    ) throws(Diagnostic) -> NamePattern {
        let form = "\(rule) [exact|prefix|suffix|substring|regex] NAME …"
        guard words.count > rest + 1 else { return .exact(Words.closed(try words.next(form))) }
        let kind = try words.next(form)
        return try namePattern(kind, try words.next(form), rule, closesSuffix: true)
    }

    // MARK: - The other fields

    private static func typeChange(_ words: inout Words) throws(Diagnostic) -> RewriteRule.Change {
        let types = try words.pair("type") { (text: String) in RecordType(text) }
        return .type(from: types.0, to: types.1)
    }

    private static func classChange(_ words: inout Words) throws(Diagnostic) -> RewriteRule.Change {
        let classes = try words.pair("class") { (text: String) in RecordClass(text) }
        return .recordClass(from: classes.0, to: classes.1)
    }

    private static func lifetimeChange(_ words: inout Words) throws(Diagnostic) -> RewriteRule.Change {
        let pattern = try pattern(&words, "ttl", rest: 1)
        let token = try words.next("ttl NAME SECONDS")
        let parts = token.text.split(separator: "-", omittingEmptySubsequences: false)
        let low = parts[0].isEmpty ? 0 : UInt32(parts[0])
        let high = parts.count == 1 ? low : parts[1].isEmpty ? 2_147_483_647 : UInt32(parts[1])
        guard parts.count <= 2, token.text != "-", let low, let high, low <= high else {
            throw Diagnostic(
                at: token.location,
                "invalid TTL '\(token.text)' for a ttl rule",
                hint: "write SECONDS, MIN-MAX, -MAX or MIN-"
            )
        }
        return .timeToLive(pattern, low...high)
    }

    private static func codeChange(_ words: inout Words) throws(Diagnostic) -> RewriteRule.Change {
        let pattern = try pattern(&words, "rcode", rest: 2)
        let codes = try words.pair("rcode") { (text: String) in
            ResponseCode(text) ?? UInt16(text).map { ResponseCode(rawValue: $0) }
        }
        return .responseCode(pattern, from: codes.0, to: codes.1)
    }

    private static func aliasChange(_ words: inout Words) throws(Diagnostic) -> RewriteRule.Change {
        let pattern = try pattern(&words, "cname", rest: 1)
        let target = try words.next("cname FROM TO")
        if case .regex = pattern { return .alias(pattern, to: Words.closed(target)) }
        if case .exact = pattern { return .alias(pattern, to: Words.closed(target)) }
        if case .suffix = pattern { return .alias(pattern, to: Words.closed(target)) }
        return .alias(pattern, to: target.text.lowercased())
    }
}

// MARK: - Words

/// The words of a rule, taken one after the other.
struct Words {
    private var rest: ArraySlice<Token>
    private var last: Token

    init(_ tokens: [Token], behind name: Token) {
        rest = tokens[...]
        last = name
    }

    var count: Int { rest.count }
    var peek: Token? { rest.first }

    mutating func skip() { if let token = rest.popFirst() { last = token } }

    mutating func next(_ form: String) throws(Diagnostic) -> Token {
        guard let token = rest.popFirst() else {
            throw Diagnostic(
                at: last.location,
                "Wrong argument count or unexpected line ending after '\(last.text)'",
                hint: "write: rewrite \(form)"
            )
        }
        last = token
        return token
    }

    func requireEnd() throws(Diagnostic) {
        guard let token = rest.first else { return }
        throw Diagnostic(
            at: token.location,
            "Wrong argument count or unexpected word '\(token.text)'",
            hint: "remove it"
        )
    }

    /// Two words of one kind.
    mutating func pair<Value>(
        _ rule: String,
        _ read: (String) -> Value?
    ) throws(Diagnostic) -> (Value, Value) {
        let form = "\(rule) … FROM TO"
        var values: [Value] = []
        for _ in 0..<2 {
            let token = try next(form)
            guard let value = read(token.text) else {
                throw Diagnostic(
                    at: token.location,
                    "invalid \(rule) \"\(token.text)\"",
                    hint: "write its name in capitals"
                )
            }
            values.append(value)
        }
        return (values[0], values[1])
    }

    /// In lower case, with a final dot.
    static func closed(_ token: Token) -> String {
        let text = token.text.lowercased()
        return text.hasSuffix(".") ? text : text + "."
    }
}
