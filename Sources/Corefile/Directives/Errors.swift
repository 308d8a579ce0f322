// `errors`: log what failed behind it, optionally counting equal lines instead of repeating them
// (node-cache reference 3.6).

package import RegularExpression

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
        package var pattern: RegularExpression
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

package enum Errors: Directive {
    package static let name = "errors"
    package static let properties = [
        DirectiveProperty("stacktrace", .withoutEffect(because: "meant for panics of Go")),
        DirectiveProperty("consolidate DURATION REGEXP [LEVEL]"),
    ]

    static let consolidation = Setting(
        "errors consolidate DURATION",
        default: GoDuration.minutes(5),
        allowed: GoDuration(nanoseconds: 1) ... .hours(24 * 365),
        because: "a zero period would never print anything"
    )
    package static let settings = [consolidation.summary]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
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
                    throw block.unknownProperty(property, known: propertyNames)
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
        let expression = try RegularExpression(reading: pattern)
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
        return ErrorsConfiguration.Consolidation(duration: duration, pattern: expression, level: level)
    }
}
