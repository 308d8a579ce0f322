// What the words of a `forward` line become. Wrong ones are in Fixtures/corefiles/invalid.

import Addresses
import Corefile
import DNSWire
import Plugins
import Testing

@Suite("The forward directive")
struct ForwardTests {
    private static func name(_ text: String) throws -> DomainName { try #require(DomainName(text)) }
    private static func endpoint(_ text: String) throws -> Endpoint { try #require(Endpoint(text)) }

    @Test("forward without properties has CoreDNS' defaults")
    func forwardDefaults() throws {
        let forward = try #require(block("forward . 192.0.2.1")?.forwards.first)
        #expect(forward.targets == [.plain(try Self.endpoint("192.0.2.1:53"))])
        #expect(forward.transport == .asClient)
        #expect(forward.policy == .random)
        #expect(forward.expire == .seconds(10))
        #expect(forward.maxFails == 2)
        #expect(forward.maxConcurrent == 0 && forward.maxConnectAttempts == 0)
        #expect(forward.healthCheck.interval == .milliseconds(500))
        #expect(forward.healthCheck.recursionDesired && forward.healthCheck.domain == .root)
    }

    // MARK: TLS

    /// What files there are, and a judge who wants them to be called what they hold.
    private static let pems = [
        "cert.pem": "CERTIFICATE", "key.pem": "KEY", "ca.pem": "CA",
        "/etc/ssl/certs/ca-certificates.crt": "SYSTEM", "other.crt": "OTHER",
    ]

    private static func tls(
        _ text: String,
        environment: [String: String] = [:],
        flaw: TLSFlaw? = nil
    ) -> CorefileCheck {
        let files = pems.merging(["Corefile": ". {\n\(text)\n}"]) { _, new in new }
        let world = Sources.files(files, environment: environment)
        return CorefileCheck.run(
            "Corefile",
            sources: Sources(read: world.read, environment: world.environment, flaw: { _ in flaw })
        )
    }

    @Test(
        "tls takes nothing, an authority, certificate and key, or all three",
        arguments: [
            ("", .init(authorities: "SYSTEM")),
            ("tls", .init(authorities: "SYSTEM")),
            ("tls ca.pem", .init(authorities: "CA")),
            ("tls cert.pem key.pem", .init(certificate: "CERTIFICATE", key: "KEY", authorities: "SYSTEM")),
            (
                "tls cert.pem key.pem ca.pem",
                .init(certificate: "CERTIFICATE", key: "KEY", authorities: "CA")
            ),
        ] as [(String, ForwardConfiguration.TLS)]
    )
    func tlsFiles(_ property: String, _ texts: ForwardConfiguration.TLS) throws {
        let check = Self.tls("forward . tls://192.0.2.1 {\n\(property)\n}")
        #expect(check.configuration?.blocks.first?.forwards.first?.tls == texts)
        // The worker has no files: it reads the same out of the record.
        let record = try #require(RecordedSources(serialized: check.recorded.serialized))
        let replay = CorefileCheck.run("Corefile", sources: record.sources)
        #expect(replay.configuration?.blocks.first?.forwards.first?.tls == texts)
    }

    @Test("SSL_CERT_FILE names the system's authorities, and plain upstreams need none")
    func systemAuthorities() {
        let check = Self.tls("forward . tls://192.0.2.1", environment: ["SSL_CERT_FILE": "other.crt"])
        #expect(check.configuration?.blocks.first?.forwards.first?.tls?.authorities == "OTHER")
        let plain = Self.tls("forward . 192.0.2.1 {\ntls_servername dns.example.org\n}")
        #expect(plain.configuration?.blocks.first?.forwards.first?.tls == nil)
        #expect(plain.recorded.files.keys.sorted() == ["Corefile"])
    }

    @Test(
        "a bad file of tls is told with its place",
        arguments: [
            (TLSFlaw.Part.certificate, "Corefile:3:5: error: plugin/forward: cert.pem: bad"),
            (.key, "Corefile:3:14: error: plugin/forward: key.pem: bad"),
            (.authorities, "Corefile:3:22: error: plugin/forward: ca.pem: bad"),
        ]
    )
    func tlsFlaws(_ part: TLSFlaw.Part, _ finding: String) {
        let text = "forward . tls://192.0.2.1 {\ntls cert.pem key.pem ca.pem\n}"
        let check = Self.tls(text, flaw: TLSFlaw(part, "bad"))
        #expect(check.configuration == nil)
        #expect(check.diagnostics.map(\.onOneLine).first?.hasPrefix(finding) == true)
    }

    @Test(
        "forward takes targets in many forms",
        arguments: [
            ("192.0.2.1", .plain(Endpoint(IPAddress(v4: 0xc000_0201), port: 53))),
            ("192.0.2.1:5353", .plain(Endpoint(IPAddress(v4: 0xc000_0201), port: 5353))),
            ("dns://192.0.2.1:54", .plain(Endpoint(IPAddress(v4: 0xc000_0201), port: 54))),
            ("2001:db8::1", .plain(Endpoint(IPAddress(v6High: 0x2001_0db8_0000_0000, low: 1), port: 53))),
            (
                "[2001:db8::1]:54",
                .plain(Endpoint(IPAddress(v6High: 0x2001_0db8_0000_0000, low: 1), port: 54))
            ),
            ("fe80::1%eth0", .plain(Endpoint(IPAddress(v6High: 0xfe80_0000_0000_0000, low: 1), port: 53))),
            ("__PILLAR__CLUSTER__DNS__", .unresolvedClusterDNS),
            ("dns://__PILLAR__CLUSTER__DNS__:53", .unresolvedClusterDNS),
        ] as [(String, ForwardConfiguration.Target)]
    )
    func forwardTargets(_ text: String, _ target: ForwardConfiguration.Target) {
        #expect(ForwardConfiguration.target(text) == target)
        #expect(block("forward . \(text)")?.forwards.first?.targets == [target])
    }

    @Test(
        "forward understands targets over TLS",
        arguments: [
            ("tls://192.0.2.1", .tls(Endpoint(IPAddress(v4: 0xc000_0201), port: 853), serverName: nil)),
            (
                "tls://192.0.2.1%dns.example.org:8853",
                .tls(Endpoint(IPAddress(v4: 0xc000_0201), port: 8853), serverName: "dns.example.org")
            ),
        ] as [(String, ForwardConfiguration.Target)]
    )
    func encryptedTargets(_ text: String, _ target: ForwardConfiguration.Target) {
        #expect(ForwardConfiguration.target(text) == target)
    }

    @Test("forward takes the servers of a file and remembers the file")
    func forwardFile() throws {
        let file =
            "; comment\nnameserver 192.0.2.1\n nameserver\t2001:db8::1%eth0 trailing\noptions ndots:5\n"
        let sources = Sources.files(["Corefile": ". {\n forward . 192.0.2.9 r.conf\n}", "r.conf": file])
        let check = CorefileCheck.run("Corefile", sources: sources)
        let forward = try #require(check.configuration?.blocks[0].forwards.first)
        #expect(
            forward.targets == [
                .plain(try Self.endpoint("192.0.2.9:53")), .plain(try Self.endpoint("192.0.2.1:53")),
                .plain(try Self.endpoint("[2001:db8::1]:53")),
            ]
        )
        #expect(forward.resolverFiles == ["r.conf"])
        #expect(check.recorded.files["r.conf"] == .text(file))
    }

    @Test("forward has its other properties")
    func forwardProperties() throws {
        let forward = try #require(FixtureTests.everything?.blocks.first?.forwards.first)
        #expect(forward.from == (try Self.name("example.org")))
        #expect(
            forward.except.map(\.description) == ["a.example.org.", "10.in-addr.arpa.", "b.example.org."]
        )
        #expect(forward.transport == .tcp)
        #expect(forward.maxIdleConnections == 100)
        #expect(forward.healthCheck.interval == .milliseconds(500))
        #expect(!forward.healthCheck.recursionDesired)
        #expect(forward.next == [.nameError, .refused])
        #expect(forward.failover == [.serverFailure])
        #expect(forward.failsFastWhenAllUnhealthy)
    }

    @Test("forward prefers force_tcp to prefer_udp in any order", arguments: [true, false])
    func forwardTransport(_ isFirst: Bool) {
        let words = isFirst ? "force_tcp\nprefer_udp" : "prefer_udp\nforce_tcp"
        #expect(block("forward . 192.0.2.1 {\n\(words)\n}")?.forwards.first?.transport == .tcp)
    }

    @Test("forward warns when the cluster DNS address is not known")
    func forwardUnresolved() {
        #expect(
            findings(". {\n forward . __PILLAR__CLUSTER__DNS__\n}") == [
                "Corefile:2:12: warning: plugin/forward: the cluster DNS address is not known yet "
                    + "(these names get SERVFAIL until the upstream Service is found)"
            ]
        )
    }
}
