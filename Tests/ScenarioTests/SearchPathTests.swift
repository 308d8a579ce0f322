import Testing
import Timing

/// What `search_ahead` saves a pod, to the millisecond; docs/search-path.md tells the same numbers.
@Suite struct SearchPathTests {
    private static let cluster = ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local"]

    /// A search list, what cluster DNS and the servers outside take, and how long a look-up takes without
    /// and with looking ahead; all in milliseconds.
    struct Row: Sendable {
        let furtherDomains: [String]
        let inside: UInt64
        let outside: UInt64
        let without: UInt64
        let with: UInt64
    }

    private static let rows = [
        // Near and far: without, all of them one after the other; with, the first denial and the slowest.
        Row(furtherDomains: [], inside: 2, outside: 20, without: 3 * 2 + 20, with: 2 + 20),
        Row(furtherDomains: [], inside: 20, outside: 20, without: 4 * 20, with: 2 * 20),
        Row(furtherDomains: ["cloud.example"], inside: 2, outside: 20, without: 3 * 2 + 2 * 20, with: 2 + 20),
        Row(
            furtherDomains: ["zone.cloud.example", "cloud.example"],
            inside: 2,
            outside: 20,
            without: 3 * 2 + 3 * 20,
            with: 2 + 20
        ),
    ]

    private func resolver(_ row: Row, _ property: String) -> StubResolver {
        StubResolver(
            search: Self.cluster + row.furtherDomains,
            delays: ["192.0.2.1": .milliseconds(row.inside), "192.0.2.2": .milliseconds(row.outside)],
            corefile: """
                cluster.local {
                    cache {
                        success 9984 30
                        denial 9984 5
                        \(property)
                    }
                    forward . 192.0.2.1 {
                        force_tcp
                    }
                }
                . {
                    cache 30
                    forward . 192.0.2.2
                }
                """
        )
    }

    @Test(arguments: rows)
    func aColdLookUp(_ row: Row) {
        for (property, expected) in [("", row.without), ("search_ahead", row.with)] {
            let resolver = resolver(row, property)
            for name in ["a", "b"] {
                // Nothing is known yet: these two show the list.
                #expect(resolver.lookUp("\(name).example.org") == .milliseconds(row.without))
                resolver.rest()
            }
            let before = resolver.questions
            #expect(resolver.lookUp("c.example.org") == .milliseconds(expected))
            // Not one question more than without.
            #expect(resolver.questions - before == 2 * (Self.cluster.count + row.furtherDomains.count + 1))
            #expect(resolver.lookUp("c.example.org") == .zero)
            resolver.rest()
            #expect(resolver.lookUp("c.example.org") == .milliseconds(expected))
        }
    }

    /// The list is one of a namespace, not of a name: what was learnt from some names serves all of them.
    @Test func aNamespaceThatIsNotKnownYetIsNotGuessed() {
        let row = Self.rows[1]
        let resolver = resolver(row, "search_ahead")
        for name in ["a", "b"] { _ = resolver.lookUp("\(name).example.org") }
        let before = resolver.questions
        #expect(resolver.lookUp("x.example.net") == .milliseconds(row.without))
        #expect(resolver.questions - before == 8)
        #expect(resolver.lookUp("y.example.net") == .milliseconds(row.with))
    }
}
