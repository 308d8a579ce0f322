// Tokens to a tree (node-cache reference 2.2). Every error is reported where it is, then reading goes on with
// the next line or block, so that one check shows them all.

/// Reads one Corefile.
package struct Parser {
    /// Deeper nesting is nobody's configuration, and recursion needs a bound.
    static let maximumNesting = 32

    private let check: Check
    private var stream: TokenStream

    /// Reads the main file and everything it imports.
    package static func parse(_ text: String, file: String, check: Check) -> SyntaxTree {
        let tokens = Tokenizer.tokens(of: text, file: file, check: check)
        var parser = Parser(check: check, stream: TokenStream(tokens, file: file, check: check))
        var tree = SyntaxTree()
        while let token = parser.stream.peek() {
            if token.isClosingBrace {
                _ = parser.stream.next()
                parser.reportStray(token)
            } else if let block = parser.parseServerBlock(startingWith: token) {
                tree.blocks.append(block)
            }
        }
        return tree
    }

    private func reportStray(_ brace: Token) {
        check.error(
            at: brace.location,
            "Unexpected '}' because no matching opening brace",
            hint: "remove it, or add the '{' it should close"
        )
    }

    // MARK: - Server blocks

    /// Nil for a snippet, and for a block without keys, which CoreDNS ignores as well.
    private mutating func parseServerBlock(startingWith first: Token) -> ServerBlockSyntax? {
        let keys = parseKeys()
        if keys.count == 1, keys[0].text.hasPrefix("("), keys[0].text.hasSuffix(")") {
            defineSnippet(keys[0])
            return nil
        }
        let directives: [DirectiveSyntax]
        if let brace = stream.peek(), brace.isOpeningBrace {
            _ = stream.next()
            directives = parseLines(openedBy: brace, depth: 0)
        } else {
            directives = parseLines(openedBy: nil, depth: 0)
        }
        guard !keys.isEmpty else {
            check.warn(at: first.location, "block without a zone is ignored", hint: "write '.' for all names")
            return nil
        }
        return ServerBlockSyntax(keys: keys, directives: directives)
    }

    private mutating func parseKeys() -> [Token] {
        var keys: [Token] = []
        var expectsAnother = false
        while let token = stream.peek() {
            if token.isOpeningBrace {
                if expectsAnother {
                    check.error(
                        at: token.location,
                        "Expected another address but had '{' - check for extra comma",
                        hint: "remove the ',' before it"
                    )
                }
                return keys
            }
            if token.isClosingBrace || (token.startsLine && !keys.isEmpty && !expectsAnother) { return keys }
            _ = stream.next()
            var text = token.text
            expectsAnother = text.hasSuffix(",")
            if expectsAnother { text.removeLast() }
            if text.isEmpty { continue }
            keys.append(
                Token(
                    text: text,
                    location: token.location,
                    isQuoted: token.isQuoted,
                    startsLine: token.startsLine
                )
            )
        }
        if expectsAnother, let last = keys.last {
            check.error(at: last.location, "Unexpected EOF", hint: "a key follows after ','")
        }
        return keys
    }

    // MARK: - Lines

    /// Reads lines up to the closing brace, or to the end of the text when no brace opened them.
    private mutating func parseLines(openedBy opening: Token?, depth: Int) -> [DirectiveSyntax] {
        var lines: [DirectiveSyntax] = []
        while let token = stream.peek() {
            if token.isClosingBrace {
                _ = stream.next()
                if opening == nil { reportStray(token) }
                return lines
            }
            if token.isOpeningBrace {
                _ = stream.next()
                check.error(
                    at: token.location,
                    "Unexpected token '{', expecting argument",
                    hint: "put '{' at the end of the line it belongs to"
                )
                if depth < Self.maximumNesting {
                    _ = parseLines(openedBy: token, depth: depth + 1)
                } else {
                    skipBlock()
                }
                continue
            }
            if let line = parseLine(depth: depth) { lines.append(line) }
        }
        if let opening {
            check.error(at: opening.location, "Unexpected EOF", hint: "this '{' is never closed, add a '}'")
        }
        return lines
    }

    private mutating func parseLine(depth: Int) -> DirectiveSyntax? {
        guard let name = stream.next() else { return nil }
        var arguments: [Token] = []
        while let token = stream.peek(), !token.startsLine, !token.isClosingBrace {
            _ = stream.next()
            guard token.isOpeningBrace else {
                arguments.append(token)
                continue
            }
            guard depth < Self.maximumNesting else {
                check.error(at: token.location, "blocks are nested too deeply", hint: "nothing needs this")
                skipBlock()
                return nil
            }
            let block = parseLines(openedBy: token, depth: depth + 1)
            return DirectiveSyntax(name: name, arguments: arguments, block: block)
        }
        return DirectiveSyntax(name: name, arguments: arguments, block: nil)
    }

    private mutating func skipBlock() {
        var open = 1
        while open > 0, let token = stream.next() {
            if token.isOpeningBrace { open += 1 }
            if token.isClosingBrace { open -= 1 }
        }
    }

    // MARK: - Snippets

    private mutating func defineSnippet(_ key: Token) {
        let name = String(key.text.dropFirst().dropLast())
        stream.expandsImports = false
        defer { stream.expandsImports = true }
        guard let brace = stream.peek(), brace.isOpeningBrace else {
            check.error(
                at: key.location,
                "Syntax error: Unexpected token '\(stream.peek()?.text ?? "EOF")', expecting '{'",
                hint: "a snippet is written '(\(name)) { … }'"
            )
            return
        }
        _ = stream.next()
        var body: [Token] = []
        var open = 1
        while let token = stream.next() {
            if token.isOpeningBrace { open += 1 }
            if token.isClosingBrace { open -= 1 }
            if open == 0 { break }
            body.append(token)
        }
        if open > 0 {
            check.error(at: brace.location, "Unexpected EOF", hint: "this '{' is never closed, add a '}'")
        }
        guard stream.snippets[name] == nil else {
            check.error(
                at: key.location,
                "redeclaration of previously declared snippet \(name)",
                hint: "rename one of the two"
            )
            return
        }
        stream.snippets[name] = body
    }
}
