// `view`: a block that only takes queries of which its expressions are true (CoreDNS' plugin of that name).

package import Corefile
package import DNSWire
package import Resolution

/// The `view` line of a block.
package struct ViewConfiguration: PluginConfiguration {
    package let name: String
    /// All of them must be true.
    package var expressions: [ViewExpression] = []
}

extension ViewConfiguration: ConditionalConfiguration {
    package var condition: String { name }
}

extension ViewConfiguration: QueryView {
    package func admits(_ query: borrowing Query, of asker: Asker) -> Bool {
        for expression in expressions where !expression.isTrue(of: query, asker) { return false }
        return true
    }
}

package enum ViewPlugin: Directive {
    package static let name = "view"
    package static let properties = [DirectiveProperty("expr EXPRESSION")]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        return block.attempt { () throws(Diagnostic) -> [any PluginConfiguration] in
            try line.requireArguments(1...1, expected: "view NAME { expr EXPRESSION }")
            var configuration = ViewConfiguration(name: line.arguments[0].text)
            for property in line.lines {
                block.attempt { () throws(Diagnostic) in
                    guard property.name.text == "expr" else {
                        throw block.unknownProperty(property, known: ["expr"])
                    }
                    guard !property.arguments.isEmpty else {
                        throw property.argumentError(expected: "expr EXPRESSION")
                    }
                    configuration.expressions.append(try expression(property.arguments))
                }
            }
            return [configuration]
        } ?? []
    }

    /// The words of a line are one expression, with a blank between them, as in CoreDNS.
    private static func expression(_ words: [Token]) throws(Diagnostic) -> ViewExpression {
        let text = words.map(\.text).joined(separator: " ")
        do throws(ViewExpression.Flaw) {
            return try ViewExpression(text)
        } catch {
            throw Diagnostic(
                at: place(error.offset, words),
                error.problem,
                hint: error.hint ?? "known: \(ViewFunction.known); operators == != < <= > >= in matches "
                    + "startsWith endsWith contains and or not"
            )
        }
    }

    /// Where an offset into the joined words stands in the file.
    private static func place(_ offset: Int, _ words: [Token]) -> SourceLocation {
        var left = offset
        for word in words {
            let length = word.text.unicodeScalars.count
            if left <= length {
                let location = word.location
                return SourceLocation(
                    file: location.file,
                    line: location.line,
                    column: location.column + (word.isQuoted ? 1 : 0) + left
                )
            }
            left -= length + 1
        }
        return words[words.count - 1].location
    }
}
