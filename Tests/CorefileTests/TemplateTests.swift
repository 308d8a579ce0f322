// The template of the node-local-dns ConfigMap, filled in on a node.

import Addresses
import Corefile
import DNSWire
import Plugins
import Testing

@Suite("Templates")
struct TemplateTests {
    private static let local = [IPAddress(v4: 0xa9fe_140a), IPAddress(v4: 0x0a60_000a)]
    private static let clusterDNS = IPAddress(v4: 0x0a60_4d2d)

    private static func render(_ text: String, _ values: TemplateValues) -> RenderedTemplate {
        Template.render(text, mainFile: "Corefile", values: values, sources: valid.sources)
    }

    private static let valid = FixtureFolder("valid")

    private static func values(
        clusterDNS: IPAddress? = clusterDNS,
        local: [IPAddress] = local,
        stubDomains: String = "",
        upstream: String = ""
    ) -> TemplateValues {
        let files = ["stubDomains": stubDomains, "upstreamNameservers": upstream]
        let configMap = KubeDNSConfigMap.read(files, directory: "/etc/kube-dns").configMap
        return TemplateValues(
            localAddresses: local,
            clusterDNS: clusterDNS,
            configMap: configMap ?? KubeDNSConfigMap()
        )
    }

    // MARK: - The template of Kubernetes

    @Test("of Kubernetes, unmodified, becomes four blocks")
    func kubernetes() throws {
        let template = try #require(Self.valid.files["kubernetes-nodelocaldns.template"])
        let rendered = Self.render(template, Self.values())
        #expect(!rendered.missingClusterDNS)
        #expect(rendered.diagnostics.isEmpty)
        let check = CorefileCheck.run(
            "Corefile",
            sources: Self.valid.sources.replacing("Corefile", with: rendered.text)
        )
        #expect(check.report == "")
        let blocks = try #require(check.configuration?.blocks)
        #expect(
            blocks.map { $0.zones.map(\.description) } == [
                ["dns://cluster.local.:53"], ["dns://in-addr.arpa.:53"], ["dns://ip6.arpa.:53"],
                ["dns://.:53"],
            ]
        )
        #expect(blocks.allSatisfy { $0.listen == .addresses(Self.local) })
        #expect(blocks.map { $0.cache?.success.maximumTTL } == [30, 30, 30, 30])
        #expect(blocks.map { $0.cache?.denial.maximumTTL } == [5, 30, 30, 30])
        #expect(blocks.map { $0.forwards.map(\.transport) } == [[.tcp], [.tcp], [.tcp], [.asClient]])
        #expect(blocks[0].forwards[0].targets == [.plain(Endpoint(Self.clusterDNS, port: 53))])
        #expect(blocks[3].forwards[0].resolverFiles == ["/etc/resolv.conf"])
        #expect(blocks.map { $0.health?.port } == [8080, nil, nil, nil])
        #expect(blocks.allSatisfy { $0.prometheus?.port == 9253 && $0.detectsLoops && $0.reload != nil })
        #expect(
            ListenerPlan(AgentConfiguration(blocks: blocks)).listeners.map(\.endpoint.description) == [
                "dns://10.96.0.10:53", "dns://169.254.20.10:53",
            ]
        )
    }

    @Test("of Kubernetes without a cluster DNS address serves what it can and never says <nil>")
    func missingClusterDNS() throws {
        let template = try #require(Self.valid.files["kubernetes-nodelocaldns.template"])
        let rendered = Self.render(template, Self.values(clusterDNS: nil))
        #expect(rendered.missingClusterDNS)
        #expect(!rendered.text.contains("<nil>"))
        let check = CorefileCheck.run(
            "Corefile",
            sources: Self.valid.sources.replacing("Corefile", with: rendered.text)
        )
        let blocks = try #require(check.configuration?.blocks)
        #expect(
            blocks.map { $0.forwards[0].targets == [.unresolvedClusterDNS] } == [true, true, true, false]
        )
        #expect(check.diagnostics.count == 3)
    }

    // MARK: - Placeholders

    @Test(
        "have their placeholders replaced",
        arguments: [
            ("bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__", "bind 169.254.20.10 10.96.0.10 "),
            ("forward . __PILLAR__CLUSTER__DNS__", "forward . 10.96.77.45"),
            ("forward . __PILLAR__UPSTREAM__SERVERS__", "forward . /etc/resolv.conf"),
            ("prometheus __PROMETHEUS__ENDPOINT__", "prometheus :9253"),
            ("health __PILLAR__LOCAL__DNS__:8080", "health 169.254.20.10:8080"),
            ("health [__PILLAR__LOCAL__DNS__]:8080", "health 169.254.20.10:8080"),
        ]
    )
    func placeholders(_ text: String, _ expected: String) {
        #expect(Self.render(text, Self.values()).text == expected)
    }

    @Test(
        "put brackets around an IPv6 address before a port",
        arguments: ["health __PILLAR__LOCAL__DNS__:8080", "health [__PILLAR__LOCAL__DNS__]:8080"]
    )
    func brackets(_ text: String) {
        let values = Self.values(local: [IPAddress(v6High: 0xfd00_0000_0000_0000, low: 10)])
        #expect(Self.render(text, values).text == "health [fd00::a]:8080")
    }

    @Test("warn about a placeholder that only the administrator can replace")
    func leftover() {
        let rendered = Self.render(
            "# __PILLAR__IN__COMMENT__\n\t__PILLAR__DNS__DOMAIN__:53 {\n}\n",
            Self.values()
        )
        #expect(
            rendered.diagnostics.map(\.onOneLine) == [
                "Corefile:2:2: warning: placeholder __PILLAR__DNS__DOMAIN__ was not replaced "
                    + "(replace it in the manifest, as its documentation says (sed))"
            ]
        )
    }

    // MARK: - The ConfigMap

    @Test(
        "drop force_tcp for servers of the ConfigMap, at any indentation",
        arguments: [
            (
                "\n    forward . __PILLAR__UPSTREAM__SERVERS__ {\n            force_tcp\n    }\n",
                "\n    forward . 192.0.2.1 192.0.2.2:54\n"
            ),
            (
                "\tforward . __PILLAR__UPSTREAM__SERVERS__ {\n force_tcp\n }\n    cache",
                "\tforward . 192.0.2.1 192.0.2.2:54\n    cache"
            ),
            ("forward . __PILLAR__UPSTREAM__SERVERS__\n", "forward . 192.0.2.1 192.0.2.2:54\n"),
            (
                "forward . __PILLAR__UPSTREAM__SERVERS__ {\nforce_tcp\nexpire 5s\n}",
                "forward . 192.0.2.1 192.0.2.2:54 {\nforce_tcp\nexpire 5s\n}"
            ),
        ]
    )
    func upstreamServers(_ text: String, _ expected: String) {
        let values = Self.values(upstream: #"["192.0.2.1", "192.0.2.2:54"]"#)
        #expect(Self.render(text, values).text == expected)
    }

    @Test("keep force_tcp when the node's own resolvers are asked")
    func forceTCPStays() {
        let text = "\n    forward . __PILLAR__UPSTREAM__SERVERS__ {\n            force_tcp\n    }\n"
        #expect(Self.render(text, Self.values()).text.contains("force_tcp"))
    }

    @Test("get a block per stub domain, sorted")
    func stubDomains() {
        let values = Self.values(
            stubDomains: #"{"b.example": ["192.0.2.2"], "a.example": ["192.0.2.1", "192.0.2.3:54"]}"#
        )
        #expect(
            Self.render(".:53 {\n}\n", values).text == """
                .:53 {
                }

                a.example:53 {
                    errors
                    cache 30
                    bind 169.254.20.10 10.96.0.10
                    forward . 192.0.2.1 192.0.2.3:54
                }

                b.example:53 {
                    errors
                    cache 30
                    bind 169.254.20.10 10.96.0.10
                    forward . 192.0.2.2
                }

                """
        )
    }

    @Test("serve a zone themselves rather than a stub domain of the same name")
    func collision() {
        let values = Self.values(stubDomains: #"{"a.example": ["192.0.2.2"], "b.example": ["192.0.2.2"]}"#)
        let rendered = Self.render(".:53 {\n}\nA.example {\n}\nb.example:54 {\n}\n", values)
        #expect(!rendered.text.contains("\na.example:53 {"))
        #expect(rendered.text.contains("\nb.example:53 {"))
        #expect(
            rendered.diagnostics.map(\.onOneLine) == [
                "Corefile:3:1: error: stub domain a.example is left out: this block serves it already "
                    + "(remove it here or in the kube-dns ConfigMap)"
            ]
        )
    }
}
