// `errors`: log what failed behind it, optionally counting equal lines instead of repeating them
// (node-cache reference 3.6).

/// What the `errors` line of a block says.
package struct ErrorsConfiguration: PluginConfiguration {
    /// The tag of a log line.
    package enum Level: String, Sendable, CaseIterable {
        case warning
        case error
        case info
        case debug
    }

    /// `consolidate DURATION REGEXP [LEVEL]`; the first rule whose pattern matches swallows the line.
    package struct Consolidation: Hashable, Sendable {
        /// From the first line swallowed to the line that counts them.
        package var duration: GoDuration
        /// A regular expression that Swift's `Regex` takes, which is RE2's for all that is usual.
        package var pattern: String
        /// Of the line that counts.
        package var level: Level
    }

    /// Meant for panics of Go; without effect here.
    package var stacktrace: Bool
    /// In file order.
    package var consolidations: [Consolidation]
}

extension ServerBlockConfiguration {
    /// Nil without an `errors` line.
    package var errors: ErrorsConfiguration? { plugin() }
}

enum Errors: Directive {
    static let name = "errors"

    static let consolidation = Setting(
        "errors consolidate DURATION",
        default: GoDuration.minutes(5),
        allowed: GoDuration(nanoseconds: 1) ... .hours(24 * 365),
        because: "a zero period would never print anything"
    )
    static let settings = [consolidation.summary]

    static func configure(_ lines: [DirectiveSyntax], in block: BlockContext) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        var configuration = ErrorsConfiguration(stacktrace: false, consolidations: [])
        block.attempt { () throws(Diagnostic) in
            try line.requireArguments(0...1, expected: "errors")
            if let target = line.argument(0), target.text != "stdout" {
                throw Diagnostic(
                    at: target.location,
                    "invalid log file: \(target.text)",
                    hint: "errors go to standard output, remove the word"
                )
            }
        }
        for property in line.lines {
            block.attempt { () throws(Diagnostic) in
                switch property.name.text {
                case "stacktrace":
                    try property.requireArguments(0...0, expected: "stacktrace")
                    configuration.stacktrace = true
                case "consolidate":
                    configuration.consolidations.append(try consolidate(property))
                default:
                    throw block.unknownProperty(property, known: ["stacktrace", "consolidate"])
                }
            }
        }
        return [configuration]
    }

    private static func consolidate(
        _ line: DirectiveSyntax
    ) throws(Diagnostic) -> ErrorsConfiguration.Consolidation {
        try line.requireArguments(2...3, expected: "consolidate DURATION REGEXP [LEVEL]")
        let pattern = line.arguments[1]
        if let problem = PatternBalance.problem(in: pattern.text) {
            throw Diagnostic(
                at: pattern.location,
                "error parsing regexp: \(problem): `\(pattern.text)`",
                hint: "close it, or write a backslash before it"
            )
        }
        guard (try? Regex(pattern.text)) != nil else {
            throw Diagnostic(
                at: pattern.location,
                "error parsing regexp: not understood: `\(pattern.text)`",
                hint: "use the common syntax: ^ $ . * + ? | ( ) [ ] and backslash escapes"
            )
        }
        var level = ErrorsConfiguration.Level.error
        if let token = line.argument(2) {
            guard let known = ErrorsConfiguration.Level(rawValue: token.text) else {
                throw Diagnostic(
                    at: token.location,
                    "unknown log level argument in consolidate: \(token.text)",
                    hint: "known: "
                        + ErrorsConfiguration.Level.allCases.map(\.rawValue).joined(separator: ", ")
                )
            }
            level = known
        }
        let duration = try consolidation.read(line.arguments[0])
        return ErrorsConfiguration.Consolidation(duration: duration, pattern: pattern.text, level: level)
    }
}

/// A first look at a regular expression: are its brackets closed?
enum PatternBalance {
    /// Go's words for what is wrong; nil when parentheses and brackets are balanced.
    static func problem(in pattern: String) -> String? {
        var depth = 0
        var isEscaped = false
        var bracketStart: Int?
        let characters = Array(pattern)
        for (index, character) in characters.enumerated() {
            if isEscaped {
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if let start = bracketStart {
                // `]` directly behind `[` or `[^` stands for itself.
                let isFirst = index == start + 1 || (index == start + 2 && characters[start + 1] == "^")
                if character == "]", !isFirst { bracketStart = nil }
            } else if character == "[" {
                bracketStart = index
            } else if character == "(" {
                depth += 1
            } else if character == ")" {
                depth -= 1
                if depth < 0 { return "unexpected )" }
            }
        }
        if isEscaped { return "trailing backslash at end of expression" }
        if bracketStart != nil { return "missing closing ]" }
        return depth == 0 ? nil : "missing closing )"
    }
}
