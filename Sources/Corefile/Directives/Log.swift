// `log`: one line per query (node-cache reference 3.11).

package import DNSWire

/// All `log` lines of a block.
package struct LogConfiguration: PluginConfiguration {
    /// Kinds of answers, as `class` names them.
    package enum Class: String, Sendable, CaseIterable {
        case success
        case denial
        case error
        case all
    }

    /// One name of one line; the first rule that covers a query's name is used.
    package struct Rule: Hashable, Sendable {
        /// Covers queries at or below it.
        package var name: DomainName
        /// With `{common}` and `{combined}` already replaced.
        package var format: String
        /// Never empty.
        package var classes: Set<Class>
    }

    /// In file order.
    package var rules: [Rule]

    /// `{common}`, the default.
    package static let commonFormat =
        #"{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" "#
        + "{rcode} {>rflags} {rsize} {duration}"
    /// `{combined}`.
    package static let combinedFormat = commonFormat + #" "{>opcode}""#
}

extension ServerBlockConfiguration {
    /// Nil without a `log` line.
    package var log: LogConfiguration? { plugin() }
}

package enum Log: Directive {
    package static let name = "log"
    package static let properties = [
        DirectiveProperty("class success|denial|error|all...")
    ]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        var rules: [LogConfiguration.Rule] = []
        for line in lines {
            let classes = readClasses(line, block)
            var names = line.arguments[...]
            var format = LogConfiguration.commonFormat
            // A format needs a name before it: the only argument is always a name.
            if names.count > 1, let last = names.last, last.text.contains("{") {
                names.removeLast()
                format = last.text
                    .replacing("{common}", with: LogConfiguration.commonFormat)
                    .replacing("{combined}", with: LogConfiguration.combinedFormat)
            }
            if names.isEmpty {
                rules.append(LogConfiguration.Rule(name: .root, format: format, classes: classes))
            }
            for token in names {
                block.attempt { () throws(Diagnostic) in
                    guard let name = DomainName(token.text) else {
                        throw Diagnostic(
                            at: token.location,
                            "not a valid domain name: \"\(token.text)\"",
                            hint: token.text.contains("{")
                                ? "a format needs a name before it: log . FORMAT" : nil
                        )
                    }
                    if token.text.contains("{") {
                        block.warn(
                            at: token,
                            "\"\(token.text)\" is taken as a name",
                            hint: "a format needs a name before it: log . FORMAT"
                        )
                    }
                    rules.append(LogConfiguration.Rule(name: name, format: format, classes: classes))
                }
            }
        }
        return [LogConfiguration(rules: rules)]
    }

    private static func readClasses(
        _ line: DirectiveSyntax,
        _ block: BlockContext
    ) -> Set<LogConfiguration.Class> {
        var classes: Set<LogConfiguration.Class> = []
        for property in line.lines {
            block.attempt { () throws(Diagnostic) in
                guard property.name.text == "class" else {
                    throw block.unknownProperty(property, known: propertyNames)
                }
                let known = LogConfiguration.Class.allCases.map(\.rawValue).joined(separator: "|")
                guard !property.arguments.isEmpty else {
                    throw property.argumentError(expected: "class \(known)")
                }
                for token in property.arguments {
                    guard let value = LogConfiguration.Class(rawValue: token.text.lowercased()) else {
                        throw Diagnostic(
                            at: token.location,
                            "invalid Class: \(token.text)",
                            hint: "write \(known)"
                        )
                    }
                    classes.insert(value)
                }
            }
        }
        return classes.isEmpty ? [.all] : classes
    }
}
