// Text to words: what stands between `{{` and `}}`, and the text around it.

enum TemplateToken: Hashable, Sendable {
    case text(String)
    case open
    case close
    case identifier(String)
    /// Without its dot; empty for the dot alone.
    case field(String)
    /// Without its dollar sign.
    case variable(String)
    case string(String)
    case integer(Int)
    case pipe
    case comma
    case declare
    case assign
    case leftParenthesis
    case rightParenthesis
    case space
}

struct TemplateLexer {
    private let bytes: [UInt8]
    private var at = 0
    private var tokens: [(token: TemplateToken, offset: Int)] = []

    static func tokens(of text: String) throws(GoTemplate.Flaw) -> [(token: TemplateToken, offset: Int)] {
        var lexer = TemplateLexer(bytes: Array(text.utf8))
        try lexer.run()
        return lexer.tokens
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func run() throws(GoTemplate.Flaw) {
        var trimsLeft = false
        while at < bytes.count {
            let start = at
            let end = find("{{", from: at) ?? bytes.count
            var content = bytes[at..<end]
            at = end
            let trimsRight =
                end + 3 < bytes.count && bytes[end + 2] == UInt8(ascii: "-") && isSpace(bytes[end + 3])
            if trimsLeft { content = content.drop(while: isSpace) }
            if trimsRight { while let last = content.last, isSpace(last) { content.removeLast() } }
            if !content.isEmpty { add(.text(String(decoding: content, as: UTF8.self)), start) }
            guard at < bytes.count else { break }
            let open = at
            at += trimsRight ? 3 : 2
            trimsLeft = try readAction(openedAt: open)
        }
    }

    /// True when white space behind the action is to be dropped.
    private mutating func readAction(openedAt open: Int) throws(GoTemplate.Flaw) -> Bool {
        var start = at
        while start < bytes.count, isSpace(bytes[start]) { start += 1 }
        if matches("/*", at: start) {
            guard let end = find("*/", from: start) else { throw flaw("unclosed comment", open) }
            at = end + 2
            let trims = at + 1 < bytes.count && isSpace(bytes[at]) && bytes[at + 1] == UInt8(ascii: "-")
            at += trims ? 2 : 0
            guard matches("}}", at: at) else { throw flaw("comment ends before closing delimiter", open) }
            at += 2
            return trims
        }
        add(.open, open)
        while at < bytes.count {
            if matches("}}", at: at) {
                add(.close, at)
                at += 2
                return false
            }
            if isSpace(bytes[at]), matches("-}}", at: at + 1) {
                add(.close, at)
                at += 4
                return true
            }
            try readWord()
        }
        throw flaw("unclosed action", open)
    }

    private mutating func readWord() throws(GoTemplate.Flaw) {
        let start = at
        let byte = bytes[at]
        at += 1
        switch byte {
        case UInt8(ascii: " "), 9, 10, 13:
            while at < bytes.count, isSpace(bytes[at]), !matches("-}}", at: at + 1) { at += 1 }
            add(.space, start)
        case UInt8(ascii: "|"): add(.pipe, start)
        case UInt8(ascii: ","): add(.comma, start)
        case UInt8(ascii: "("): add(.leftParenthesis, start)
        case UInt8(ascii: ")"): add(.rightParenthesis, start)
        case UInt8(ascii: "="): add(.assign, start)
        case UInt8(ascii: ":"):
            guard at < bytes.count, bytes[at] == UInt8(ascii: "=") else { throw flaw("expected :=", start) }
            at += 1
            add(.declare, start)
        case UInt8(ascii: "."): add(.field(readName()), start)
        case UInt8(ascii: "$"): add(.variable(readName()), start)
        case UInt8(ascii: "\""), UInt8(ascii: "`"), UInt8(ascii: "'"): try readQuoted(byte, start)
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"):
            at = start
            try readNumber()
        default:
            at = start
            let name = readName()
            guard !name.isEmpty else {
                let character = Character(UnicodeScalar(byte))
                throw flaw("unexpected \"\(character)\" in operand", start)
            }
            add(.identifier(name), start)
        }
    }

    private mutating func readName() -> String {
        let start = at
        while at < bytes.count, isNamePart(bytes[at]) { at += 1 }
        return String(decoding: bytes[start..<at], as: UTF8.self)
    }

    private mutating func readNumber() throws(GoTemplate.Flaw) {
        let start = at
        at += 1
        while at < bytes.count, isNamePart(bytes[at]) || bytes[at] == UInt8(ascii: ".") { at += 1 }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        let isHexadecimal = text.lowercased().hasPrefix("0x")
        guard let number = isHexadecimal ? Int(text.dropFirst(2), radix: 16) : Int(text) else {
            throw flaw("bad number syntax: \"\(text)\"", start)
        }
        add(.integer(number), start)
    }

    private mutating func readQuoted(_ quote: UInt8, _ start: Int) throws(GoTemplate.Flaw) {
        var content: [UInt8] = []
        while at < bytes.count, bytes[at] != quote {
            if bytes[at] == UInt8(ascii: "\\"), quote != UInt8(ascii: "`"), at + 1 < bytes.count {
                at += 1
                switch bytes[at] {
                case UInt8(ascii: "n"): content.append(10)
                case UInt8(ascii: "t"): content.append(9)
                case UInt8(ascii: "r"): content.append(13)
                case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): content.append(bytes[at])
                default: throw flaw("unknown escape in quoted string", start)
                }
            } else {
                content.append(bytes[at])
            }
            at += 1
        }
        guard at < bytes.count else { throw flaw("unterminated quoted string", start) }
        at += 1
        let text = String(decoding: content, as: UTF8.self)
        if quote == UInt8(ascii: "'") {
            guard let scalar = text.unicodeScalars.first, text.unicodeScalars.count == 1 else {
                throw flaw("malformed character constant", start)
            }
            add(.integer(Int(scalar.value)), start)
        } else {
            add(.string(text), start)
        }
    }

    // MARK: - Helpers

    private mutating func add(_ token: TemplateToken, _ offset: Int) { tokens.append((token, offset)) }

    private func find(_ text: String, from start: Int) -> Int? {
        var place = start
        while place < bytes.count {
            if matches(text, at: place) { return place }
            place += 1
        }
        return nil
    }

    private func matches(_ text: String, at place: Int) -> Bool {
        place <= bytes.count && bytes[place...].starts(with: text.utf8)
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...10).contains(byte) || byte == 13 }

    private func isNamePart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }

    private func flaw(_ problem: String, _ offset: Int) -> GoTemplate.Flaw {
        GoTemplate.Flaw(problem: problem, offset: offset)
    }
}
