// The tokens of a file with every `import` replaced by what it imports (node-cache reference 2.3). The parser
// sees one stream and knows nothing of files.

/// Delivers tokens one by one; snippets and files that are imported are on a stack of frames.
struct TokenStream {
    /// Caps of CoreDNS against imports that multiply.
    enum Limits {
        static let snippetExpansions = 10_000
        static let fileExpansions = 100_000
        /// Ours: what the two caps together still allow would fill the memory.
        static let tokens = 1_000_000
    }

    private struct Frame {
        let name: String
        let tokens: [Token]
        let depth: Int
        var next = 0
    }

    private let check: Check
    private var frames: [Frame]
    private var snippetExpansions = 0
    private var fileExpansions = 0
    private var tokensLoaded: Int
    /// Off while a snippet is read: its imports happen where it is used.
    var expandsImports = true
    var snippets: [String: [Token]] = [:]

    init(_ tokens: [Token], file: String, check: Check) {
        self.check = check
        self.frames = [Frame(name: file, tokens: tokens, depth: 0)]
        self.tokensLoaded = tokens.count
    }

    /// The next token, without taking it; nil at the end.
    mutating func peek() -> Token? {
        while let frame = frames.last {
            guard frame.next < frame.tokens.count else {
                frames.removeLast()
                continue
            }
            let token = frame.tokens[frame.next]
            guard expandsImports, token.startsLine, !token.isQuoted, token.text == "import" else {
                return token
            }
            expand(token)
        }
        return nil
    }

    mutating func next() -> Token? {
        guard let token = peek() else { return nil }
        frames[frames.count - 1].next += 1
        return token
    }

    // MARK: - Import

    private mutating func expand(_ keyword: Token) {
        advanceInFrame()
        var arguments: [Token] = []
        while let token = currentInFrame, !token.startsLine, !token.isClosingBrace {
            arguments.append(token)
            advanceInFrame()
        }
        guard arguments.count == 1 else {
            check.error(
                at: keyword.location,
                "Wrong argument count or unexpected line ending after 'import'",
                hint: "write one snippet name, file or pattern per import"
            )
            return
        }
        let argument = arguments[0]
        if let snippet = snippets[argument.text] {
            snippetExpansions += 1
            guard
                allowed(snippetExpansions <= Limits.snippetExpansions, "snippet", at: argument.location)
            else { return }
            push(snippet, name: "(\(argument.text))", at: argument.location, depth: depth + 1)
        } else {
            importFiles(argument)
        }
    }

    private var currentInFrame: Token? {
        guard let frame = frames.last, frame.next < frame.tokens.count else { return nil }
        return frame.tokens[frame.next]
    }

    private mutating func advanceInFrame() { frames[frames.count - 1].next += 1 }

    private var depth: Int { frames.last?.depth ?? 0 }

    private mutating func importFiles(_ argument: Token) {
        let pattern = Self.path(argument.text, relativeTo: argument.location.file)
        let stars = pattern.count { $0 == "*" }
        let questionMarks = pattern.count { $0 == "?" }
        guard stars <= 1, questionMarks <= 1, !(pattern.contains("[") && pattern.contains("]")) else {
            check.error(
                at: argument.location,
                "Glob pattern may only contain one wildcard character (*), but has others: \(argument.text)",
                hint: "use at most one '*' and one '?', and no '[...]'"
            )
            return
        }
        let isPattern = stars + questionMarks > 0
        let paths = isPattern ? check.glob(pattern) : [pattern]
        if paths.isEmpty {
            check.warn(
                at: argument.location,
                "No files matching import glob pattern: \(argument.text)"
            )
        }
        let childDepth = depth + 1
        // The last is pushed first: the top of the stack is read first.
        for path in paths.reversed() {
            fileExpansions += 1
            guard allowed(fileExpansions <= Limits.fileExpansions, "file", at: argument.location) else {
                return
            }
            guard let text = load(path, for: argument) else { continue }
            let tokens = Tokenizer.tokens(of: text, file: path, check: check)
            push(tokens, name: path, at: argument.location, depth: childDepth)
        }
    }

    private func load(_ path: String, for argument: Token) -> String? {
        do throws(SourceError) {
            return try check.read(path)
        } catch {
            switch error {
            case .notFound:
                check.error(
                    at: argument.location,
                    "File to import not found: \(argument.text)",
                    hint: "looked for '\(path)'; a snippet must be defined above its import"
                )
            case .isDirectory:
                check.error(
                    at: argument.location,
                    "Could not import \(argument.text): is a directory",
                    hint: "write '\(argument.text)/*' to import what is in it"
                )
            case .unreadable(let reason):
                check.error(at: argument.location, "Could not read imported file \(path): \(reason)")
            }
            return nil
        }
    }

    private mutating func push(_ tokens: [Token], name: String, at location: SourceLocation, depth: Int) {
        // Ancestors are the frames below with ever smaller depth; equal depth is another match of one glob.
        var wanted = depth
        for frame in frames.reversed() where frame.depth < wanted {
            wanted = frame.depth
            guard frame.name != name else {
                check.error(
                    at: location,
                    "import of \(name) inside of itself",
                    hint: "remove this import: it would never end"
                )
                return
            }
        }
        tokensLoaded += tokens.count
        guard allowed(tokensLoaded <= Limits.tokens, "word", at: location), !tokens.isEmpty else { return }
        var tokens = tokens
        tokens[0].startsLine = true
        frames.append(Frame(name: name, tokens: tokens, depth: depth))
    }

    /// Past a cap the rest of the text is dropped: what follows would only repeat the error.
    private mutating func allowed(_ condition: Bool, _ what: String, at location: SourceLocation) -> Bool {
        if condition { return true }
        check.error(
            at: location,
            "too many \(what)s imported",
            hint: "the cap is \(Limits.snippetExpansions) snippets, \(Limits.fileExpansions) files, "
                + "\(Limits.tokens) words"
        )
        frames = []
        return false
    }

    private static func path(_ path: String, relativeTo file: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
        return file[...slash] + path
    }
}
