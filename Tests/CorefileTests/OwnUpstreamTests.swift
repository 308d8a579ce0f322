// Upstreams that are ourselves: an error where the Corefile names them, left out of a resolv.conf.

import Addresses
import Corefile
import Plugins
import Testing

@Suite("Upstreams that are our own addresses")
struct OwnUpstreamTests {
    private static let local = IPAddress(v4: 0xa9fe_140a)
    private static let local6 = IPAddress(v6High: 0xfd00_0020_0000_0000, low: 0x10)

    private func check(
        _ corefile: String,
        _ resolverFile: String = "",
        _ resolved: String? = nil
    ) -> CorefileCheck {
        var files = ["Corefile": corefile, "/etc/resolv.conf": resolverFile]
        files["/run/systemd/resolve/resolv.conf"] = resolved
        let sources = Sources.files(files, localAddresses: [Self.local, Self.local6])
        return CorefileCheck.run("Corefile", sources: sources)
    }

    private func upstreams(_ check: CorefileCheck) -> [String] {
        let targets = check.configuration?.blocks.flatMap { $0.forwards.flatMap(\.targets) } ?? []
        return targets.map { if case .plain(let endpoint) = $0 { "\(endpoint)" } else { "\($0)" } }
    }

    @Test(
        "are refused where the Corefile names them",
        arguments: [
            // Behind a wildcard, and on addresses that we were told to serve but no block does.
            ". {\n forward . 192.0.2.1 169.254.20.10\n}", ". {\n forward . 192.0.2.1 [fd00:20::10]:53\n}",
            ". {\n bind 192.0.2.9\n forward . 192.0.2.1 169.254.20.10\n}",
            ". {\n bind fd00:20::10\n forward . 192.0.2.1 fd00:20::10\n}",
        ]
    )
    func literals(_ corefile: String) {
        let report = check(corefile).diagnostics.map(\.description).joined()
        let line = corefile.hasPrefix(". {\n bind") ? 3 : 2
        #expect(report.hasPrefix("Corefile:\(line):22: error: plugin/forward: "))
        #expect(report.contains("is our own listen address"))
    }

    @Test("are somebody else's on another port")
    func otherPort() {
        #expect(check(". {\n forward . 169.254.20.10:5353\n}").diagnostics.isEmpty)
    }

    @Test("are left out of a resolv.conf, and the others are asked")
    func files() {
        let found = check(
            ". {\n forward . /etc/resolv.conf\n}",
            "nameserver 169.254.20.10\nnameserver 192.0.2.53\nnameserver fd00:20::10\n"
        )
        #expect(upstreams(found) == ["192.0.2.53:53"])
        #expect(
            found.diagnostics.map(\.onOneLine)
                == [
                    "/etc/resolv.conf:1: nameserver 169.254.20.10",
                    "/etc/resolv.conf:3: nameserver fd00:20::10",
                ].map {
                    "Corefile:2:12: warning: plugin/forward: \($0) is our own address, left out: "
                        + "a query would come back to us (name the real upstream there)"
                }
        )
    }

    @Test("are an error when a resolv.conf names nobody else")
    func nobodyElse() {
        let found = check(". {\n forward . /etc/resolv.conf\n}", "nameserver 169.254.20.10\n")
        #expect(found.configuration == nil)
        #expect(found.report.contains("no nameservers left: all of them are our own addresses"))
    }

    @Test("mean the same in the worker, which sees the record only")
    func replay() throws {
        let live = check(
            ". {\n forward . /etc/resolv.conf\n}",
            "nameserver 169.254.20.10\nnameserver 192.0.2.53\n"
        )
        let record = try #require(RecordedSources(serialized: live.recorded.serialized))
        #expect(upstreams(CorefileCheck.run("Corefile", sources: record.sources)) == ["192.0.2.53:53"])
    }

    @Test("are left out of the ConfigMap")
    func configMap() {
        let (read, diagnostics) = KubeDNSConfigMap.read(
            [
                "stubDomains":
                    #"{"a.example.org": ["169.254.20.10", "192.0.2.1"], "b.example.org": ["169.254.20.10"]}"#,
                "upstreamNameservers": #"["169.254.20.10:53", "192.0.2.2"]"#,
            ],
            directory: "d",
            ownServers: [Endpoint(Self.local, port: 53)]
        )
        #expect(read?.stubDomains.map(\.servers) == [["192.0.2.1"]])
        #expect(read?.upstreamServers == ["192.0.2.2"])
        #expect(diagnostics.count { $0.message.contains("is left out: it is our own address") } == 3)
    }

    // MARK: systemd-resolved

    @Test("The stub of systemd-resolved is replaced by the servers that it asks", arguments: ["53", "54"])
    func resolved(_ stub: String) {
        let found = check(
            ". {\n forward . /etc/resolv.conf\n}",
            "nameserver 127.0.0.\(stub)\nnameserver 192.0.2.2\n",
            "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 169.254.20.10\n"
        )
        #expect(upstreams(found) == ["192.0.2.1:53", "192.0.2.2:53"])
        #expect(found.diagnostics.count == 1)  // our own address in resolved's list
        #expect(found.recorded.files.keys.contains("/run/systemd/resolve/resolv.conf"))
    }

    @Test(
        "The stub stays, with a warning, when no other server is known",
        arguments: [nil, "nameserver 127.0.0.53\n"]
    )
    func unresolved(_ list: String?) {
        let found = check(
            ". {\n forward . /etc/resolv.conf\n}",
            "options edns0\nnameserver 127.0.0.53\n",
            list
        )
        #expect(upstreams(found) == ["127.0.0.53:53"])
        #expect(
            found.diagnostics.map(\.message) == [
                "plugin/forward: /etc/resolv.conf:2: nameserver 127.0.0.53 is systemd-resolved's stub, "
                    + "and /run/systemd/resolve/resolv.conf names no other server"
            ]
        )
    }
}
