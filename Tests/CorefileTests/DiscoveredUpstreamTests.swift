// Servers behind a name: what is accepted, and what is said when something is missing.

import Addresses
import Corefile
import DNSWire
import Testing

@Suite("Upstreams that are looked up")
struct DiscoveredUpstreamTests {
    private static let name = "_dns-tcp._tcp.pods.kube-system.svc.cluster.local"

    @Test("have a name, a resolver and the policy latency")
    func accepted() throws {
        let text = "forward . dns+srv://\(Self.name) {\n resolver 192.0.2.1 192.0.2.2:54\n}"
        let forward = try #require(block(text)?.forwards.first)
        #expect(forward.targets == [.discovered(try #require(DomainName(Self.name)))])
        #expect(
            forward.resolvers == [
                .plain(Endpoint(IPAddress(v4: 0xc000_0201), port: 53)),
                .plain(Endpoint(IPAddress(v4: 0xc000_0202), port: 54)),
            ]
        )
        #expect(forward.policy == .latency)
    }

    @Test("take another policy, and a resolver that is not known yet")
    func policy() throws {
        let resolver = "resolver __PILLAR__CLUSTER__DNS__"
        let text = "forward . dns+srv://\(Self.name) {\n policy sequential\n \(resolver)\n}"
        let forward = try #require(block(text)?.forwards.first)
        #expect(forward.policy == .sequential && forward.resolvers == [.unresolvedClusterDNS])
    }

    @Test(
        "say what is missing",
        arguments: [
            ("dns+srv://\(name)", "", "nobody is named who could look up dns+srv://\(name)"),
            ("dns+srv://\(name) 192.0.2.1", "resolver 192.0.2.1", "a looked-up target stands alone"),
            ("192.0.2.1", "resolver 192.0.2.1", "resolver is set, but no target is looked up"),
            ("dns+srv://\(name)", "resolver ns.example.org", "not an IP address: \"ns.example.org\""),
            ("dns+srv://\(name)", "resolver", "Wrong argument count"),
            ("dns+srv://a..b", "resolver 192.0.2.1", "not an IP address or file: \"dns+srv://a..b\""),
        ]
    )
    func refused(_ targets: String, _ property: String, _ message: String) {
        let found = findings(". {\n forward . \(targets) {\n \(property)\n }\n}")
        #expect(found.contains { $0.contains("error: plugin/forward: \(message)") }, "\(found)")
    }

    @Test("are not looked up at ourselves")
    func ownResolver() {
        let text = ". {\n bind 192.0.2.1\n forward . dns+srv://\(Self.name) {\n resolver 192.0.2.1\n }\n}"
        #expect(
            findings(text).contains { $0.contains("the resolver 192.0.2.1:53 is our own listen address") }
        )
    }
}
