import DNSWire
import TestSupport
import Testing

@Suite struct DomainNameTests {
    private static let longest = String(repeating: "a", count: 63)

    /// Text, its wire form, how it is printed.
    @Test(arguments: [
        (".", "00", "."),
        ("example.org", "07 'example' 03 'org' 00", "example.org."),
        ("Example.ORG.", "07 'example' 03 'org' 00", "example.org."),
        ("*.example.org", "01 '*' 07 'example' 03 'org' 00", "*.example.org."),
        ("_dns._udp.x", "04 '_dns' 04 '_udp' 01 'x' 00", "_dns._udp.x."),
        (#"a\.b.org"#, "03 'a.b' 03 'org' 00", #"a\.b.org."#),
        (#"a\\b"#, #"03 'a\b' 00"#, #"a\\b."#),
        (#"\000\255"#, "02 00 ff 00", #"\000\255."#),
        (#"\065"#, "01 'a' 00", "a."),  // A, in lower case
        (#"\."#, "01 '.' 00", #"\.."#),
        ("bücher.org", "07 62 c3bc 'cher' 03 'org' 00", #"b\195\188cher.org."#),
    ])
    func textAndWire(_ text: String, _ wire: String, _ printed: String) throws {
        let name = try #require(DomainName(text))
        #expect(name.wire == hex(wire))
        #expect(name.description == printed)
        #expect(DomainName(printed) == name)
        #expect(DomainName(wire: name.wire) == name)
    }

    @Test(arguments: ["", "..", ".a", "a..b", "a..", #"a\"#, #"a\1"#, #"a\25"#, #"a\256"#, #"a\12x"#])
    func badTextIsRefused(_ text: String) {
        #expect(DomainName(text) == nil)
    }

    @Test func labelsHaveAtMost63Octets() {
        #expect(DomainName(Self.longest) != nil)
        #expect(DomainName(Self.longest + "a") == nil)
        #expect(DomainName(Self.longest + "a.org") == nil)
    }

    /// Three labels of 63 and one of 61 octets make 255 with their lengths and the root.
    @Test func namesHaveAtMost255Octets() {
        let start = "\(Self.longest).\(Self.longest).\(Self.longest)."
        #expect(DomainName(start + String(repeating: "b", count: 61))?.wire.count == 255)
        #expect(DomainName(start + String(repeating: "b", count: 62)) == nil)
        #expect(DomainName(String(repeating: "a.", count: 127))?.wire.count == 255)
        #expect(DomainName(String(repeating: "a.", count: 128)) == nil)
    }

    @Test(arguments: [
        "",  // nothing
        "03 'org'",  // no root
        "03 'org' 00 00",  // something behind the root
        "04 'org' 00",  // a label past the end
        "c0 0c",  // a pointer
        "40 00",  // a label type nobody uses
    ])
    func badWireIsRefused(_ wire: String) {
        #expect(DomainName(wire: hex(wire)) == nil)
    }

    @Test(arguments: [
        ("example.org", "example.org", true), ("www.example.org", "example.org", true),
        ("example.org", ".", true), (".", ".", true), (".", "org", false), ("org", "example.org", false),
        ("notexample.org", "example.org", false), ("a.b.c", "b.c", true), ("a.b.c", "a.b", false),
        (#"x\.example.org"#, "example.org", false), ("EXAMPLE.org", "example.ORG", true),
    ])
    func namesLieWithinZones(_ name: String, _ zone: String, _ isWithin: Bool) throws {
        #expect(try #require(DomainName(name)).isWithin(try #require(DomainName(zone))) == isWithin)
    }

    @Test func parentsLeadToTheRoot() throws {
        var names: [String] = []
        var name = DomainName("a.b.example.org")
        while let next = name {
            names.append(next.description)
            name = next.parent
        }
        #expect(names == ["a.b.example.org.", "b.example.org.", "example.org.", "org.", "."])
        #expect(try #require(DomainName("a.b")).labels.map { Array($0) } == [hex("'a'"), hex("'b'")])
    }
}
