// What the documents promise is what the program does: tables are compared, examples are run.

import Corefile
import Plugins
import Telemetry
import Testing

@Suite("Documents")
struct DocumentTests {
    /// All of them: those at the top, and those below docs.
    private static let documents =
        Repository.names(in: "").filter { $0.hasSuffix(".md") }.sorted()
        + Repository.files(below: "docs", suffix: ".md")

    @Test("docs/metrics.md is the catalogue")
    func metrics() {
        #expect(Repository.text("docs/metrics.md").hasSuffix(MetricCatalogue.markdown))
    }

    @Test("docs/corefile.md has every directive with its limits")
    func directives() {
        let text = Repository.text("docs/corefile.md")
        for directive in DirectiveTable.node.directives where directive.support == .supported {
            #expect(text.contains("\n## \(directive.name)\n"), "no section for \(directive.name)")
            for setting in directive.settings {
                let row =
                    "| \(setting.name) | \(setting.defaultValue) | \(setting.minimum) | \(setting.maximum) "
                    + "| \(setting.reason) |"
                #expect(text.contains(row), "docs/corefile.md lacks: \(row)")
            }
        }
    }

    @Test("docs/compatibility.md is the list of plugins")
    func compatibility() {
        #expect(Repository.text("docs/compatibility.md").hasSuffix(DirectiveTable.node.compatibility))
    }

    @Test("Every example of a Corefile is valid", arguments: Self.documents)
    func examples(document: String) {
        let files = Self.files(of: Repository.text(document))
        var rest = Repository.text(document)[...]
        while let start = rest.firstRange(of: "```corefile\n") {
            rest = rest[start.upperBound...]
            guard let end = rest.firstRange(of: "```") else { break }
            let example = String(rest[..<end.lowerBound])
            rest = rest[end.upperBound...]
            let sources = Sources(
                read: { (path) throws(SourceError) in files[path] ?? example },
                glob: { _ in [] },
                environment: { _ in nil },
                interfaceAddresses: { _ in nil }
            )
            let check = CorefileCheck.run("example", sources: sources)
            #expect(check.diagnostics.isEmpty, "\(document): \(check.report)")
            #expect(check.configuration != nil)
        }
    }

    /// The files that a document shows: blocks whose language is `file PATH`.
    private static func files(of text: String) -> [String: String] {
        text.matches(of: #/```file (?<path>\S+)\n(?<content>[^`]*)```/#)
            .reduce(into: [:]) { $0[String($1.path)] = String($1.content) }
    }

    @Test("Links of the documents lead somewhere")
    func links() {
        for document in Self.documents {
            let folder =
                document.contains("/")
                ? document.split(separator: "/").dropLast().joined(separator: "/") + "/" : ""
            for match in Repository.text(document).matches(of: #/\]\((?<target>[^)#: ]+)\)/#) {
                let path = folder + match.target
                let exists = !Repository.text(path).isEmpty || !Repository.names(in: path).isEmpty
                #expect(exists, "\(document) links to \(match.target)")
            }
        }
    }
}
