// Keys of server blocks, as zones on ports.

import Corefile
import Plugins
import Testing

@Suite("Zone keys")
struct ZoneKeyTests {
    private static func zones(_ keys: String, defaultPort: UInt16 = 53) -> [String] {
        let sources = Sources.files(["Corefile": "\(keys) {\n forward . 192.0.2.1\n}"])
        let check = CorefileCheck.run("Corefile", sources: sources, defaultPort: defaultPort)
        return check.configuration?.blocks.flatMap { $0.zones.map(\.description) }
            ?? check.diagnostics.map(\.message)
    }

    @Test(
        "become zones",
        arguments: [
            (".", ["dns://.:53"]),
            (".:5353", ["dns://.:5353"]),
            ("Example.ORG", ["dns://example.org.:53"]),
            ("dns://example.org.:1053", ["dns://example.org.:1053"]),
            ("10.0.0.0/8", ["dns://10.in-addr.arpa.:53"]),
            ("10.0.0.0/15:5353", ["dns://0.10.in-addr.arpa.:5353", "dns://1.10.in-addr.arpa.:5353"]),
            ("192.0.2.7/32", ["dns://7.2.0.192.in-addr.arpa.:53"]),
            ("192.0.2.7/31", ["dns://6.2.0.192.in-addr.arpa.:53", "dns://7.2.0.192.in-addr.arpa.:53"]),
            ("0.0.0.0/0", ["dns://in-addr.arpa.:53"]),
            ("2001:db8::/32", ["dns://8.b.d.0.1.0.0.2.ip6.arpa.:53"]),
            (
                "2001:db8:a::/47",
                [
                    "dns://a.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.:53",
                    "dns://b.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.:53",
                ]
            ),
            ("::/0", ["dns://ip6.arpa.:53"]),
            ("0/25.2.0.192.in-addr.arpa", ["dns://0/25.2.0.192.in-addr.arpa.:53"]),
            ("_x.1foo.bar", ["dns://_x.1foo.bar.:53"]),
        ] as [(String, [String])]
    )
    func zones(_ key: String, _ expected: [String]) {
        #expect(Self.zones(key) == expected)
    }

    @Test("cover an odd IPv6 network with eight zones")
    func oddNetwork() {
        let digits = ["0", "1", "2", "3", "4", "5", "6", "7"]
        #expect(Self.zones("2001:db8::/33") == digits.map { "dns://\($0).8.b.d.0.1.0.0.2.ip6.arpa.:53" })
    }

    @Test("without port get the default port")
    func defaultPort() {
        #expect(Self.zones(". a:54", defaultPort: 1053) == ["dns://.:1053", "dns://a.:54"])
    }
}
