// Text to tokens: white space, quotes, comments, and environment references inside tokens
// (node-cache reference 2.1 and 2.5).

/// A word of a Corefile.
package struct Token: Hashable, Sendable {
    /// Without quotes, escapes and environment references resolved.
    package let text: String
    /// Of its first character, the quote if quoted.
    package let location: SourceLocation
    /// Quoted text is never a brace and never `import`.
    package let isQuoted: Bool
    /// The first word of its line; arguments end before such a word.
    package var startsLine: Bool

    var isOpeningBrace: Bool { text == "{" && !isQuoted }
    var isClosingBrace: Bool { text == "}" && !isQuoted }
}

/// Splits one file into tokens.
package struct Tokenizer {
    private let file: String
    private var scalars: String.UnicodeScalarView.Iterator
    private var upcoming: Unicode.Scalar?
    private var line = 1
    private var column = 1
    private var sawNewline = true
    private var tokens: [Token] = []

    /// Reads a whole file; references to the environment are replaced, its findings go to `check`.
    package static func tokens(of text: String, file: String, check: Check) -> [Token] {
        var tokenizer = Tokenizer(text, file: file)
        tokenizer.run(check)
        return tokenizer.tokens.map { token in
            guard token.text.contains("{") else { return token }
            return Token(
                text: EnvironmentReferences.replaced(in: token, check: check),
                location: token.location,
                isQuoted: token.isQuoted,
                startsLine: token.startsLine
            )
        }
    }

    private init(_ text: String, file: String) {
        self.file = file
        self.scalars = text.unicodeScalars.makeIterator()
        self.upcoming = scalars.next()
        if upcoming == "\u{feff}" { upcoming = scalars.next() }
    }

    /// Moves on by one scalar; carriage returns do not exist for anybody.
    private mutating func advance() {
        if upcoming == "\n" {
            line += 1
            column = 1
        } else {
            column += 1
        }
        upcoming = scalars.next()
    }

    private mutating func run(_ check: Check) {
        while let scalar = upcoming {
            switch scalar {
            case "\r": advance()
            case "\n":
                sawNewline = true
                advance()
            case "#": skipComment()
            case "\"": takeQuoted(check)
            case _ where scalar.properties.isWhitespace: advance()
            default: takeWord()
            }
        }
    }

    /// A comment always lasts to the end of its line, also behind a word.
    private mutating func skipComment() {
        while let scalar = upcoming, scalar != "\n" { advance() }
    }

    private mutating func takeWord() {
        let start = here
        var text = String.UnicodeScalarView()
        while let scalar = upcoming, scalar != "#" {
            if scalar == "\r" {
                advance()
                continue
            }
            if scalar.properties.isWhitespace { break }
            text.append(scalar)
            advance()
        }
        add(String(text), at: start, isQuoted: false)
    }

    /// Inside quotes only `\"` is an escape; any other backslash stands for itself.
    private mutating func takeQuoted(_ check: Check) {
        let start = here
        advance()
        var text = String.UnicodeScalarView()
        var isEscaped = false
        while let scalar = upcoming {
            advance()
            if scalar == "\r" { continue }
            if isEscaped {
                if scalar != "\"" { text.append("\\") }
                text.append(scalar)
                isEscaped = false
            } else if scalar == "\\" {
                isEscaped = true
            } else if scalar == "\"" {
                add(String(text), at: start, isQuoted: true)
                return
            } else {
                text.append(scalar)
            }
        }
        check.warn(
            at: start,
            "quoted text is not closed before the end of the file",
            hint: "add the missing '\"'"
        )
        add(String(text), at: start, isQuoted: true)
    }

    private var here: SourceLocation { SourceLocation(file: file, line: line, column: column) }

    private mutating func add(_ text: String, at start: SourceLocation, isQuoted: Bool) {
        tokens.append(Token(text: text, location: start, isQuoted: isQuoted, startsLine: sawNewline))
        sawNewline = false
    }
}

// MARK: - Environment

/// `{%NAME%}` and `{$NAME}` inside tokens.
enum EnvironmentReferences {
    /// The token's text with values in place of references; a token stays one token whatever a value holds.
    static func replaced(in token: Token, check: Check) -> String {
        var text = token.text
        for (opening, closing) in [("{%", "%}"), ("{$", "}")] {
            text = replaced(in: text, from: opening, to: closing) { name in
                if let value = check.environment(name) { return value }
                check.warn(
                    at: token.location,
                    "environment variable '\(name)' is not set, it counts as empty",
                    hint: "set it in the container's environment"
                )
                return ""
            }
        }
        return text
    }

    /// Values are not searched for references again; an empty name ends the replacement.
    private static func replaced(
        in text: String,
        from opening: String,
        to closing: String,
        by value: (String) -> String
    ) -> String {
        var result = ""
        var rest = text[...]
        while let start = rest.firstRange(of: opening),
            let end = rest[start.upperBound...].firstRange(of: closing),
            start.upperBound < end.lowerBound
        {
            result += rest[..<start.lowerBound]
            result += value(String(rest[start.upperBound..<end.lowerBound]))
            rest = rest[end.upperBound...]
        }
        return result + rest
    }
}
