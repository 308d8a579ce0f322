// The door of this module: a path and the outside world in; a configuration, everything found wrong, and a
// record of what was read out.

/// The result of reading one Corefile.
package struct CorefileCheck: Sendable {
    /// As given: a replay needs the same.
    package let mainFile: String
    /// As given: a replay needs the same.
    package let defaultPort: UInt16
    /// Nil when any diagnostic is an error.
    package let configuration: AgentConfiguration?
    /// Errors and warnings by place.
    package let diagnostics: [Diagnostic]
    /// All that was read, failures too: run again with `recorded.sources` for the same result;
    /// only the files of `tls` are not judged again.
    package let recorded: RecordedSources

    /// Reads and checks a whole configuration; `defaultPort` is the port of keys without one (`-dns.port`).
    package static func run(
        _ mainFile: String,
        directives: DirectiveTable,
        sources: Sources,
        defaultPort: UInt16 = 53
    ) -> CorefileCheck {
        let check = Check(sources: sources, defaultPort: defaultPort)
        let configuration = configuration(mainFile, check, directives)
        let hasErrors = check.diagnostics.contains { $0.severity == .error }
        return CorefileCheck(
            mainFile: mainFile,
            defaultPort: defaultPort,
            configuration: hasErrors ? nil : configuration,
            diagnostics: check.diagnostics.sortedByPlace(mainFile: mainFile),
            recorded: check.recorded
        )
    }

    private static func configuration(
        _ mainFile: String,
        _ check: Check,
        _ directives: DirectiveTable
    ) -> AgentConfiguration? {
        let start = SourceLocation(file: mainFile, line: 1, column: 1)
        let text: String
        do throws(SourceError) {
            text = try check.read(mainFile)
        } catch {
            switch error {
            case .notFound: check.error(at: start, "no such file")
            case .isDirectory: check.error(at: start, "is a directory", hint: "name the Corefile in it")
            case .unreadable(let reason): check.error(at: start, "cannot be read: \(reason)")
            }
            return nil
        }
        let tree = Parser.parse(text, file: mainFile, check: check)
        if tree.blocks.isEmpty, check.diagnostics.allSatisfy({ $0.severity == .warning }) {
            // CoreDNS would serve `whoami` here: an answer for every name that helps nobody.
            check.error(at: start, "no server block", hint: "write '. { forward . /etc/resolv.conf }'")
        }
        let builder = ConfigurationBuilder(check: check, table: directives)
        let written = AgentConfiguration(
            blocks: builder.build(tree),
            localAddresses: check.localAddresses
        )
        let configuration = OwnUpstreams(check: check).removed(from: written)
        CrossChecks(check: check, configuration: configuration).run()
        return configuration
    }

    /// The report of the `check` subcommand: one finding after the other, ends with a newline unless empty.
    package var report: String {
        diagnostics.map { $0.description + "\n" }.joined()
    }
}

extension [Diagnostic] {
    /// The main file first, imported ones by name, each from top to bottom, without repetitions: a snippet
    /// used twice has its errors once.
    fileprivate func sortedByPlace(mainFile: String) -> [Diagnostic] {
        var seen: Set<Diagnostic> = []
        return filter { seen.insert($0).inserted }
            .sorted { left, right in
                let (leftIsMain, rightIsMain) = (
                    left.location.file == mainFile, right.location.file == mainFile
                )
                return leftIsMain == rightIsMain ? left.location < right.location : leftIsMain
            }
    }
}
