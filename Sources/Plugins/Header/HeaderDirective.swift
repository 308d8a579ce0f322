// `header`: flags of answers and questions set or cleared.

package import Corefile
import DNSWire
package import Resolution

/// What the `header` line of a block says.
package struct HeaderConfiguration: PluginConfiguration {
    /// Flags of one kind of message.
    package struct Change: Hashable, Sendable {
        package var set: UInt16 = 0
        package var cleared: UInt16 = 0

        func applied(to flags: UInt16) -> UInt16 { flags & ~cleared | set }
    }

    package var responses = Change()
    package var queries = Change()

    package var decidesAnswers: Bool { true }
}

package enum Header: Directive {
    package static let name = "header"
    package static let properties = [
        "response set|clear FLAGS...", "query set|clear FLAGS...", "set|clear FLAGS...",
    ].map { DirectiveProperty($0) }

    static let flags: [String: UInt16] = [
        "aa": HeaderFlags.authoritative, "ra": HeaderFlags.recursionAvailable,
        "rd": HeaderFlags.recursionDesired,
    ]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        var configuration = HeaderConfiguration()
        block.attempt { () throws(Diagnostic) in
            try line.requireArguments(0...0, expected: "header { [query|response] set|clear FLAGS... }")
            guard !line.lines.isEmpty else {
                throw line.argumentError(expected: "header { [query|response] set|clear FLAGS... }")
            }
        }
        for property in line.lines {
            block.attempt { () throws(Diagnostic) in try read(property, into: &configuration) }
        }
        return [configuration]
    }

    private static func read(
        _ line: DirectiveSyntax,
        into configuration: inout HeaderConfiguration
    ) throws(Diagnostic) {
        let form = "[query|response] set|clear FLAGS..."
        var words = ([line.name] + line.arguments)[...]
        var isQuery = false
        if let first = words.first, ["query", "response"].contains(first.text) {
            isQuery = first.text == "query"
            words.removeFirst()
        }
        guard let action = words.popFirst() else { throw line.argumentError(expected: form) }
        guard action.text == "set" || action.text == "clear" else {
            throw Diagnostic(
                at: action.location,
                "unknown flag action=\(action.text), should be set or clear",
                hint: "write: " + form
            )
        }
        guard !words.isEmpty else { throw line.argumentError(expected: form) }
        for token in words {
            guard let flag = flags[token.text.lowercased()] else {
                throw Diagnostic(
                    at: token.location,
                    "unknown/unsupported flag: \(token.text)",
                    hint: "known: aa, ra, rd"
                )
            }
            var change = isQuery ? configuration.queries : configuration.responses
            if action.text == "set" { change.set |= flag } else { change.cleared |= flag }
            if isQuery { configuration.queries = change } else { configuration.responses = change }
        }
    }
}

extension HeaderConfiguration: BlockPlugin {
    package static var name: String { Header.name }

    package func join(_ block: inout ServerBlock.Plugins, in place: PluginPlace) {
        block.beforeForward.append(HeaderSource(configuration: self))
    }
}

/// Changes the flags on the way down and on the way back; on hits AA is set whatever this says, as in CoreDNS.
struct HeaderSource: AnswerSource {
    let configuration: HeaderConfiguration
    var name: String { Header.name }

    func ask(
        _ question: SourceQuestion,
        in context: SourceContext,
        _ completion: @escaping (SourceOutcome) -> Void
    ) {
        let sent = question.sending(Self.changed(question.query.message, configuration.queries))
        context.next(sent) { [configuration] outcome in
            guard case .answered(let message, let author, let place) = outcome else {
                return completion(outcome)
            }
            completion(.answered(Self.changed(message, configuration.responses), by: author, from: place))
        }
    }

    private static func changed(_ message: [UInt8], _ change: HeaderConfiguration.Change) -> [UInt8] {
        guard message.count >= Limits.headerSize else { return message }
        let flags = change.applied(to: message.span.uint16(at: 2))
        var message = message
        message[2] = UInt8(truncatingIfNeeded: flags >> 8)
        message[3] = UInt8(truncatingIfNeeded: flags)
        return message
    }
}
