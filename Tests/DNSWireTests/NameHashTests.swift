import DNSWire
import TestSupport
import Testing

/// A query's walk and a zone's own hash must agree, else no query finds its block.
@Suite struct NameHashTests {
    @Test(arguments: [
        "www.example.org.", "WWW.Example.ORG.", "org.", ".", "kubernetes.default.svc.cluster.local.",
        "a.b.c.d.e.f.g.h.i.j.", "exactly8.octets16octetsxx.x.", "label-of-nine.eightlet.",
    ])
    func everySuffixHasTheHashOfItsZone(_ name: String) throws {
        var query = Query()
        let packet = Message(asking: "\(name) A").encoded()
        _ = query.read(packet.span, hashing: hashing)
        var zone = try #require(DomainName(name))
        let hash = query.hash
        #expect(hash == hashing.hash(of: zone))
        for skipped in 0...query.labelCount {
            let suffix = query.suffixHash(skipping: skipped, root: hashing.root)
            #expect(suffix == hashing.hash(of: zone))
            let isEqual = query.suffixEquals(zone.wire, 0..<zone.wire.count, skipping: skipped)
            #expect(isEqual)
            guard let parent = zone.parent else { break }
            let isParent = query.suffixEquals(parent.wire, 0..<parent.wire.count, skipping: skipped)
            #expect(!isParent)
            zone = parent
        }
        #expect(zone == .root)
    }

    @Test func manyNamesHaveManyHashes() throws {
        var hashes: Set<UInt64> = []
        for number in 0..<20_000 {
            hashes.insert(hashing.hash(of: try #require(DomainName("pod-\(number).example.org"))))
        }
        #expect(hashes.count == 20_000)
    }

    /// Names that differ only in where a label ends.
    @Test(arguments: [
        ("ab.c", "a.bc"), ("a.b", "b.a"), ("a", "a.a"), (#"a\.b"#, "a.b"), (#"\000"#, #"\000\000"#),
    ])
    func bordersOfLabelsCount(_ left: String, _ right: String) throws {
        #expect(
            hashing.hash(of: try #require(DomainName(left)))
                != hashing.hash(of: try #require(DomainName(right)))
        )
    }

    @Test func anotherKeyGivesOtherHashes() throws {
        let name = try #require(DomainName("example.org"))
        #expect(
            NameHash(key: 1, multiplier: 3).hash(of: name) != NameHash(key: 2, multiplier: 3).hash(of: name)
        )
    }
}
