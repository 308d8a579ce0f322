import DNSWire
import Resolution
import TestSupport
import Testing

@Suite struct ZoneTableTests {
    /// The zone that takes a question.
    private func zone(of question: String, among zones: [String]) throws -> String? {
        let table = try table(zones.map { ($0, ServerBlock(index: 0)) })
        var query = Query()
        let packet = Message(asking: question).encoded()
        _ = query.read(packet.span, hashing: hashing)
        let asker = Asker(client: client, server: nil, transport: .udp)
        return table.zone(for: query, hashing: hashing, by: asker).map { table.zones[$0].name.description }
    }

    private let zones = [".", "cluster.local.", "svc.cluster.local.", "10.in-addr.arpa.", "example.org."]

    @Test(arguments: [
        ("www.example.org. A", "example.org."), ("example.org. A", "example.org."),
        ("EXAMPLE.ORG. A", "example.org."),
        ("org. A", "."), (". NS", "."), ("notexample.org. A", "."),
        ("a.svc.cluster.local. A", "svc.cluster.local."), ("svc.cluster.local. A", "svc.cluster.local."),
        ("b.cluster.local. A", "cluster.local."), ("1.0.0.10.in-addr.arpa. PTR", "10.in-addr.arpa."),
        ("1.0.0.11.in-addr.arpa. PTR", "."),
        // Chapter 7, 24: DS is no exception.
        ("svc.cluster.local. DS", "svc.cluster.local."),
    ])
    func theLongestZoneTakesTheName(_ question: String, _ expected: String) throws {
        #expect(try zone(of: question, among: zones) == expected)
    }

    @Test(arguments: ["org. A", ". NS", "www.example.com. A"])
    func withoutTheRootSomeNamesHaveNoZone(_ question: String) throws {
        #expect(try zone(of: question, among: ["example.org.", "cluster.local."]) == nil)
    }

    @Test func aTableMayBeEmptyOrLarge() throws {
        #expect(try zone(of: "www.example.org. A", among: []) == nil)
        let many = (0..<500).map { "z\($0).example.org." }
        #expect(try zone(of: "a.z321.example.org. A", among: many) == "z321.example.org.")
        #expect(try zone(of: "a.z500.example.org. A", among: many) == nil)
    }

    @Test func otherClassesPassWhereABlockForwards() throws {
        let forwards = ServerBlock(index: 0, forwards: [ForwardRoute(from: .root, exchange: 0)])
        #expect(try table([("a.", ServerBlock(index: 1)), (".", forwards)]).passesOtherClasses)
        #expect(try !table([("a.", ServerBlock(index: 1))]).passesOtherClasses)
    }
}

@Suite struct ForwardRouteTests {
    /// FROM, the exceptions, a name, and whether it is taken (node-cache's specification, 3.7).
    @Test(
        arguments: [
            (".", [], "www.example.org", true), ("example.org", [], "www.example.org", true),
            ("example.org", [], "example.com", false), (".", ["example.org"], "www.example.org", false),
            (".", ["example.org"], "example.org", false), (".", ["example.org"], "example.com", true),
            ("example.org", ["example.org"], "example.org", true),  // equal to FROM: always
            ("example.org", ["example.org"], "www.example.org", false),
        ] as [(String, [String], String, Bool)]
    )
    func names(_ row: (from: String, except: [String], name: String, isTaken: Bool)) throws {
        let route = ForwardRoute(
            from: try #require(DomainName(row.from)),
            except: row.except.compactMap { DomainName($0) },
            exchange: 0
        )
        #expect(route.takes(try #require(DomainName(row.name))) == row.isTaken)
    }
}
