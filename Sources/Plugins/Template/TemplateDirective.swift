// `template`: answers made of the question (node-cache reference 3.17).

package import Corefile
package import DNSWire
package import RegularExpression

/// One `template` line.
package struct TemplateConfiguration: PluginConfiguration {
    /// Nil is any.
    package var recordClass: RecordClass?
    /// Nil is any.
    package var type: RecordType?
    package var zones: [DomainName]
    /// The first that matches decides; none: all names.
    package var patterns: [RegularExpression] = []
    var answer: [GoTemplate] = []
    var additional: [GoTemplate] = []
    var authority: [GoTemplate] = []
    package var code = ResponseCode.noError
    /// What clients with EDNS are told beside the answer.
    package var extendedError: ExtendedErrorOption?
    package var fallThrough = FallThrough()

    package var decidesAnswers: Bool { true }
}

package enum TemplatePlugin: Directive {
    package static let name = "template"
    package static let properties = [
        DirectiveProperty("match REGEX..."), DirectiveProperty("answer RR..."),
        DirectiveProperty("additional RR..."), DirectiveProperty("authority RR..."),
        DirectiveProperty("rcode CODE"), DirectiveProperty("ederror CODE [TEXT]"),
        DirectiveProperty("fallthrough [ZONES...]"),
        DirectiveProperty("upstream", .withoutEffect(because: "aliases are always followed")),
    ]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        lines.compactMap { line in
            block.attempt { () throws(Diagnostic) -> TemplateConfiguration in
                var configuration = try head(line, block)
                for property in line.lines {
                    block.attempt { () throws(Diagnostic) in try apply(property, to: &configuration, block) }
                }
                if configuration.answer.isEmpty, configuration.authority.isEmpty,
                    configuration.code == .noError,
                    !line.lines.contains(where: { ["answer", "authority", "rcode"].contains($0.name.text) })
                {
                    throw Diagnostic(
                        at: line.name.location,
                        "no answer section for template found",
                        hint: "add an 'answer', an 'authority' or an 'rcode'"
                    )
                }
                return configuration
            }
        }
    }

    private static func head(
        _ line: DirectiveSyntax,
        _ block: BlockContext
    ) throws(Diagnostic) -> TemplateConfiguration {
        guard line.arguments.count >= 2 else {
            throw line.argumentError(expected: "template CLASS TYPE [ZONES...]")
        }
        var configuration = TemplateConfiguration(zones: block.zones)
        let (classWord, typeWord) = (line.arguments[0], line.arguments[1])
        guard let recordClass = RecordClass(classWord.text) else {
            throw Diagnostic(
                at: classWord.location,
                "invalid query class \(classWord.text)",
                hint: "write IN or ANY"
            )
        }
        guard let type = RecordType(typeWord.text) else {
            throw Diagnostic(
                at: typeWord.location,
                "invalid RR class \(typeWord.text)",
                hint: "write a record type such as A, or ANY"
            )
        }
        if recordClass != .any { configuration.recordClass = recordClass }
        if type != .any { configuration.type = type }
        let zones = line.arguments.dropFirst(2)
        if !zones.isEmpty { configuration.zones = block.readZones(zones) }
        return configuration
    }

    private static func apply(
        _ line: DirectiveSyntax,
        to configuration: inout TemplateConfiguration,
        _ block: BlockContext
    ) throws(Diagnostic) {
        guard propertyNames.contains(line.name.text) else {
            throw block.unknownProperty(line, known: propertyNames)
        }
        if !["fallthrough", "upstream"].contains(line.name.text), line.arguments.isEmpty {
            throw line.argumentError(expected: properties.first { $0.name == line.name.text }?.form ?? "")
        }
        switch line.name.text {
        case "match":
            for token in line.arguments {
                configuration.patterns.append(try RegularExpression(reading: token))
            }
        case "answer": configuration.answer += try templates(line)
        case "additional": configuration.additional += try templates(line)
        case "authority": configuration.authority += try templates(line)
        case "rcode":
            let token = line.arguments[0]
            guard let code = ResponseCode(token.text) else {
                throw Diagnostic(
                    at: token.location,
                    "unknown rcode \(token.text)",
                    hint: "write a name such as NXDOMAIN"
                )
            }
            configuration.code = code
        case "ederror": configuration.extendedError = try extendedError(line)
        case "fallthrough": configuration.fallThrough.read(line, block)
        default: break
        }
    }

    private static func extendedError(_ line: DirectiveSyntax) throws(Diagnostic) -> ExtendedErrorOption {
        try line.requireArguments(1...2, expected: "ederror CODE [TEXT]")
        let token = line.arguments[0]
        guard let code = UInt16(token.text) else {
            throw Diagnostic(
                at: token.location,
                "error parsing extended DNS error code \"\(token.text)\"",
                hint: "write a number from 0 to 65535 (RFC 8914, 5.2)"
            )
        }
        return ExtendedErrorOption(
            ExtendedError(rawValue: code),
            text: Array((line.argument(1)?.text ?? "").utf8)
        )
    }

    private static func templates(_ line: DirectiveSyntax) throws(Diagnostic) -> [GoTemplate] {
        var templates: [GoTemplate] = []
        for token in line.arguments {
            do throws(GoTemplate.Flaw) {
                templates.append(try GoTemplate(token.text))
            } catch {
                let place = token.location
                // Of a text on one line the place of the mistake is known.
                let before = token.text.utf8.prefix(error.offset)
                let isOnFirstLine = !before.contains(10) && !token.text.contains("\"")
                let column = place.column + (token.isQuoted ? 1 : 0) + error.offset
                throw Diagnostic(
                    at: isOnFirstLine
                        ? SourceLocation(file: place.file, line: place.line, column: column) : place,
                    "could not compile template: \(error.problem)",
                    hint: "fields, variables, if, with, range and these functions are understood: "
                        + TemplateFunctions.names.sorted().joined(separator: " ")
                )
            }
        }
        return templates
    }
}
