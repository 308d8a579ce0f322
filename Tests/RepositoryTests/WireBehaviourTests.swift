// The table of wire behaviour and the tests that name its rows: neither has what the other lacks.

import Testing

@Suite("Wire behaviour")
struct WireBehaviourTests {
    /// A row, and by what it is better than node-cache's.
    struct Row: Hashable, CustomStringConvertible {
        let name: String
        let reason: String

        var description: String { "\(name) (\(reason))" }
    }

    private static let table = Repository.text("Tests/Fixtures/wire-behaviour.md")
        .matches(of: #/\n\| (5\.\d) \| (.+?) \| .+ \| (.+) \|/#)
        .map { Row(name: "\($0.1): \($0.2)", reason: String($0.3)) }

    private static let tested = ["Fixtures/scenarios", "ListenersTests", "System"].flatMap { folder in
        Repository.names(in: "Tests/\(folder)").flatMap { file in
            Repository.text("Tests/\(folder)/\(file)").split(separator: "\n").compactMap { line in
                let pattern = #/\s*(?:#|///) (5\.\d: .+?)(?: \((7\.\d+|RFC \d+, [\d.]+): .+)?/#
                return line.wholeMatch(of: pattern).map {
                    Row(name: String($0.1), reason: $0.2.map(String.init) ?? "same")
                }
            }
        }
    }

    @Test("Every row has its test, every test its row")
    func rows() {
        #expect(Self.table.count > 60)
        #expect(Set(Self.table).subtracting(Self.tested) == [], "no test has these rows")
        #expect(Set(Self.tested).subtracting(Self.table) == [], "these are no rows")
    }

    @Test("No row stands twice")
    func unique() {
        for rows in [Self.table, Self.tested] {
            #expect(Dictionary(grouping: rows, by: \.name).filter { $0.value.count > 1 }.isEmpty)
        }
    }
}
