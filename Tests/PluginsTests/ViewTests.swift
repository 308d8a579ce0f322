import Addresses
import Corefile
import DNSWire
import Plugins
import Resolution
import TestSupport
import Testing

@Suite("view")
struct ViewTests {
    /// Asked is `www.Example.org. A` with EDNS 1400 and DO by 192.0.2.100:41231 at 169.254.20.10:53, over UDP.
    @Test(
        "Expressions are true of a query, or not",
        arguments: [
            ("true", true), ("false", false), ("!false", true), ("not true", false),
            ("client_ip() == '192.0.2.100'", true), ("client_ip() != '192.0.2.100'", false),
            ("incidr(client_ip(), '192.0.2.0/24')", true),
            ("incidr(server_ip(), '169.254.0.0/16')", true), ("incidr('2001:db8::1', '2001:db8::/32')", true),
            ("incidr(client_ip(), '2001:db8::/32')", false),
            ("name() == 'www.example.org.'", true), ("name() startsWith 'www.'", true),
            ("name() endsWith '.org'", false), ("name() contains 'example'", true),
            ("name() matches '^www[.]'", true), ("name() matches '\\\\.org$'", false),
            ("type() == 'A'", true), ("type() in ['AAAA', 'A']", true),
            ("type() not in ['AAAA', 'A']", false),
            ("class() == 'IN' && proto() == 'udp'", true), ("class() == 'CH' and proto() == 'udp'", false),
            ("class() == 'CH' || proto() == 'udp'", true), ("class() == 'CH' or proto() == 'tcp'", false),
            ("port() == '41231'", true), ("server_port() == '53'", true),
            ("bufsize() >= 1400", true), ("bufsize() > 1400", false), ("bufsize() <= 1399", false),
            ("size() < 100", true), ("opcode() == 0", true), ("id() == 10775", true),
            ("id() in [1, 2]", false),
            ("do()", true), ("!do() == false", true), ("!(do() && type() == 'MX')", true),
            // 'and' holds tighter than 'or'.
            ("true or false and false", true), ("(true or false) and false", false),
            ("type() in []", false), ("bufsize() in [size(), 1400]", true),
        ]
    )
    func value(_ expression: String, _ expected: Bool) throws {
        let block = try #require(configured("view v {\n expr \(expression)\n}"), "\(expression)")
        let view = try #require(block.plugin(ViewConfiguration.self))
        #expect(admits(view) == expected, "\(expression)")
    }

    @Test("All expressions must be true; none is true of all")
    func several() throws {
        let both = try #require(configured("view v {\n expr do()\n expr type() == 'MX'\n}"))
        #expect(try !admits(#require(both.plugin(ViewConfiguration.self))))
        let none = try #require(configured("view v"))
        #expect(try admits(#require(none.plugin(ViewConfiguration.self))))
        #expect(none.condition == "v")
    }

    @Test(
        "What is not understood is told with its place",
        arguments: [
            ("expr", "3:2: error: plugin/view: Wrong argument count or unexpected line ending after 'expr'"),
            ("expr colour() == 'red'", "3:7: error: plugin/view: unknown name colour"),
            ("expr do() == 'yes'", "3:12: error: plugin/view: mismatched types bool and string"),
            ("expr name()", "3:7: error: plugin/view: this is a string, not a bool"),
            ("expr do() && size()", "3:15: error: plugin/view: this is a int, not a bool"),
            ("expr size() < 'x'", "3:16: error: plugin/view: this is a string, not a int"),
            ("expr type() in ['A', 1]", "3:23: error: plugin/view: mismatched types string and int"),
            ("expr incidr(client_ip(), '192.0.2.0/33')", "3:27: error: plugin/view: invalid CIDR address"),
            ("expr incidr('here', '192.0.2.0/24')", "3:14: error: plugin/view: not an address: \"here\""),
            (
                "expr name() matches '(a'",
                "3:22: error: plugin/view: error parsing regexp: missing closing ): `(a`"
            ),
            ("expr (do()", "3:12: error: plugin/view: unexpected end of the expression (')' is missing)"),
            ("expr do() do()", "3:12: error: plugin/view: unexpected do"),
            ("expr do() == 'yes", "3:15: error: plugin/view: literal not terminated"),
            ("expr do() ? 1", "3:12: error: plugin/view: unrecognized character: ?"),
            ("expr \"do() && size()\"", "3:16: error: plugin/view: this is a int, not a bool"),
            ("expr 99999999999999999999 == 1", "3:7: error: plugin/view: 99999999999999999999 is too large"),
            ("expresion true", "3:2: error: plugin/view: unknown property 'expresion'"),
        ]
    )
    func mistakes(_ line: String, _ finding: String) {
        let found = findings("view v {\n \(line)\n}")
        #expect(found.count == 1 && found[0].hasPrefix(finding), "\(found)")
    }

    @Test("Nesting has a bound")
    func depth() {
        let deep = String(repeating: "(", count: 1000) + "do()" + String(repeating: ")", count: 1000)
        #expect(findings("view v {\n expr \(deep)\n}").first?.contains("nested too deeply") == true)
    }

    private func configured(_ text: String) -> ServerBlockConfiguration? { block(text) }

    private func admits(_ view: ViewConfiguration) -> Bool {
        var query = Query()
        let packet = Message(asking: "www.Example.org. A edns 1400 do", id: 10_775).encoded()
        guard query.read(packet.span, hashing: NameHash(key: 1, multiplier: 3)) == .accepted else {
            return false
        }
        let asker = Asker(
            client: Endpoint(IPAddress(v4: 0xc000_0264), port: 41_231),
            server: Endpoint(IPAddress(v4: 0xa9fe_140a), port: 53),
            transport: .udp
        )
        return view.admits(query, of: asker)
    }
}
