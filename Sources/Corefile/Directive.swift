// What the code of one directive gets and gives, and the small questions that all of them ask.

import DNSWire

/// The reader of one plugin's lines; one file each in `Directives`, listed once in `DirectiveTable`.
protocol Directive: Sendable {
    /// As it stands at the start of a line.
    static var name: String { get }
    /// Every limit of the directive, for documents.
    static var settings: [SettingSummary] { get }
    /// Reads all lines of this directive in one block, in file order, never none.
    static func configure(_ lines: [DirectiveSyntax], in block: BlockContext) -> [any PluginConfiguration]
}

extension Directive {
    static var settings: [SettingSummary] { [] }
}

/// The block that a directive stands in, as far as a directive may see it.
struct BlockContext {
    let check: Check
    /// The directive's name: CoreDNS prefixes its errors with it.
    let plugin: String
    /// The block's zones.
    let zones: [DomainName]

    // MARK: Reporting

    func report(_ diagnostic: Diagnostic) {
        check.report(
            Diagnostic(
                diagnostic.severity,
                at: diagnostic.location,
                "plugin/\(plugin): \(diagnostic.message)",
                hint: diagnostic.hint
            )
        )
    }

    func warn(at token: Token, _ message: String, hint: String? = nil) {
        report(Diagnostic(.warning, at: token.location, message, hint: hint))
    }

    /// Runs a reader; what it throws is reported, and the next line gets its turn.
    @discardableResult
    func attempt<Result>(_ body: () throws(Diagnostic) -> Result) -> Result? {
        do throws(Diagnostic) {
            return try body()
        } catch {
            report(error)
            return nil
        }
    }

    /// Takes the first line; every further one is an error, as in CoreDNS.
    func once(_ lines: [DirectiveSyntax]) -> DirectiveSyntax? {
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

    // MARK: Common arguments

    /// Reads zones and networks; what is neither is skipped with a warning, as CoreDNS skips it silently.
    func readZones(_ tokens: some Sequence<Token>) -> [DomainName] {
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
    func unknownProperty(_ line: DirectiveSyntax, known: [String]) -> Diagnostic {
        Diagnostic(
            at: line.name.location,
            "unknown property '\(line.name.text)'",
            hint: Spelling.guess(line.name.text, among: known) ?? "known: " + known.joined(separator: ", ")
        )
    }
}

extension DirectiveSyntax {
    /// CoreDNS' words for too few or too many arguments.
    func argumentError(expected: String) -> Diagnostic {
        Diagnostic(
            at: last.location,
            "Wrong argument count or unexpected line ending after '\(last.text)'",
            hint: "write: " + expected
        )
    }

    func requireArguments(_ count: ClosedRange<Int>, expected: String) throws(Diagnostic) {
        guard count.contains(arguments.count) else { throw argumentError(expected: expected) }
    }

    func requireNoBlock() throws(Diagnostic) {
        guard let first = block?.first else { return }
        throw Diagnostic(
            at: first.name.location,
            "unknown property '\(first.name.text)'",
            hint: "'\(name.text)' has no properties"
        )
    }

    /// The optional argument at a place.
    func argument(_ index: Int) -> Token? { index < arguments.count ? arguments[index] : nil }
}

// MARK: - Guessing

/// Finds the word that was probably meant.
enum Spelling {
    /// `did you mean 'x'?` for the nearest word at most two edits away.
    static func guess(_ word: String, among known: [String]) -> String? {
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
