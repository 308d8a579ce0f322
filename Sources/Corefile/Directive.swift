// What the code of one directive gets and gives, and the small questions that all of them ask.

package import DNSWire

/// What becomes of something that a Corefile says.
package enum Support: Hashable, Sendable {
    case supported
    /// Taken without complaint; why it changes nothing here.
    case withoutEffect(because: String)
    /// An error; why.
    case refused(because: String)
}

/// A property of a directive, or a form of its line, for documents.
package struct DirectiveProperty: Hashable, Sendable {
    /// As one writes it: `max_fails N`.
    package let form: String
    package let support: Support

    package init(_ form: String, _ support: Support = .supported) {
        self.form = form
        self.support = support
    }

    /// The word that names the property in its directive's block.
    package var name: String { String(form.prefix { $0 != " " }) }
}

/// The reader of one plugin's lines. The program's own stand in `Directives`, those of plugins in `Plugins`, all
/// of them in one `DirectiveTable`.
package protocol Directive: Sendable {
    /// As it stands at the start of a line.
    static var name: String { get }
    /// Every limit of the directive, for documents.
    static var settings: [SettingSummary] { get }
    /// Of the line as a whole.
    static var support: Support { get }
    /// What may stand in the directive's block, in the order of CoreDNS' documentation.
    static var properties: [DirectiveProperty] { get }
    /// Reads all lines of this directive in one block, in file order, never none.
    static func configure(_ lines: [DirectiveSyntax], in block: BlockContext) -> [any PluginConfiguration]
}

extension Directive {
    package static var settings: [SettingSummary] { [] }
    package static var support: Support { .supported }
    package static var properties: [DirectiveProperty] { [] }
    /// The words that may begin a line of the block.
    package static var propertyNames: [String] { properties.map(\.name) }
}

/// The block that a directive stands in, as far as a directive may see it.
package struct BlockContext {
    package let check: Check
    /// The directive's name: CoreDNS prefixes its errors with it.
    package let plugin: String
    /// The block's zones.
    package let zones: [DomainName]

    // MARK: Reporting

    package func report(_ diagnostic: Diagnostic) {
        check.report(
            Diagnostic(
                diagnostic.severity,
                at: diagnostic.location,
                "plugin/\(plugin): \(diagnostic.message)",
                hint: diagnostic.hint
            )
        )
    }

    package func warn(at token: Token, _ message: String, hint: String? = nil) {
        report(Diagnostic(.warning, at: token.location, message, hint: hint))
    }

    /// Runs a reader; what it throws is reported, and the next line gets its turn.
    @discardableResult
    package func attempt<Result>(_ body: () throws(Diagnostic) -> Result) -> Result? {
        do throws(Diagnostic) {
            return try body()
        } catch {
            report(error)
            return nil
        }
    }

    /// Takes the first line; every further one is an error, as in CoreDNS.
    package func once(_ lines: [DirectiveSyntax]) -> DirectiveSyntax? {
        for line in lines.dropFirst() {
            report(
                Diagnostic(
                    at: line.name.location,
                    "this plugin can only be used once per Server Block",
                    hint: "the first stands in line \(lines[0].name.location.line), merge the two"
                )
            )
        }
        return lines.first
    }

    /// Says which lines of a directive's block change nothing.
    func warnOfIdleProperties(_ line: DirectiveSyntax, of directive: any Directive.Type) {
        // A directive that does nothing has said so for all of its lines.
        guard directive.support == .supported else { return }
        for property in line.lines {
            let known = directive.properties.first { $0.name == property.name.text }
            guard case .withoutEffect(let reason)? = known?.support else { continue }
            warn(
                at: property.name,
                "'\(property.name.text)' is accepted without effect: \(reason)",
                hint: "the line may be removed"
            )
        }
    }

    // MARK: Common arguments

    /// Reads zones and networks; what is neither is skipped with a warning, as CoreDNS skips it silently.
    package func readZones(_ tokens: some Sequence<Token>) -> [DomainName] {
        tokens.flatMap { token -> [DomainName] in
            do throws(Diagnostic) {
                return try ZoneKey.read(token, defaultPort: 53).map(\.name)
            } catch {
                warn(at: token, "skipped: " + error.message, hint: error.hint)
                return []
            }
        }
    }

    /// Reports an unknown word in a directive's block, with a guess at what was meant.
    package func unknownProperty(_ line: DirectiveSyntax, known: [String]) -> Diagnostic {
        Diagnostic(
            at: line.name.location,
            "unknown property '\(line.name.text)'",
            hint: Spelling.guess(line.name.text, among: known) ?? "known: " + known.joined(separator: ", ")
        )
    }
}

extension DirectiveSyntax {
    /// CoreDNS' words for too few or too many arguments.
    package func argumentError(expected: String) -> Diagnostic {
        Diagnostic(
            at: last.location,
            "Wrong argument count or unexpected line ending after '\(last.text)'",
            hint: "write: " + expected
        )
    }

    package func requireArguments(_ count: ClosedRange<Int>, expected: String) throws(Diagnostic) {
        guard count.contains(arguments.count) else { throw argumentError(expected: expected) }
    }

    package func requireNoBlock() throws(Diagnostic) {
        guard let first = block?.first else { return }
        throw Diagnostic(
            at: first.name.location,
            "unknown property '\(first.name.text)'",
            hint: "'\(name.text)' has no properties"
        )
    }

    /// The optional argument at a place.
    package func argument(_ index: Int) -> Token? { index < arguments.count ? arguments[index] : nil }
}

// MARK: - Guessing

/// Finds the word that was probably meant.
package enum Spelling {
    /// `did you mean 'x'?` for the nearest word at most two edits away.
    package static func guess(_ word: String, among known: [String]) -> String? {
        let nearest = known.map { (distance(word, $0), $0) }.min { $0.0 < $1.0 }
        guard let nearest, nearest.0 <= 2, nearest.0 < nearest.1.count else { return nil }
        return "did you mean '\(nearest.1)'?"
    }

    /// Levenshtein's distance; words longer than any of ours are simply far away.
    private static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        guard left.count <= 64 else { return .max }
        var row = Array(0...right.count)
        for (i, leftByte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, rightByte) in right.enumerated() {
                let substituted = diagonal + (leftByte == rightByte ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[right.count]
    }
}
