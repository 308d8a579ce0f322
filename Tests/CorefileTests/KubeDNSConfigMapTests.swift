// stubDomains, upstreamNameservers, federations: what is taken, left out and refused.

import Addresses
import Corefile
import DNSWire
import Testing

@Suite("The kube-dns ConfigMap")
struct KubeDNSConfigMapTests {
    private static func read(_ files: [String: String]) -> (configMap: KubeDNSConfigMap?, findings: [String])
    {
        let result = KubeDNSConfigMap.read(files, directory: "/etc/kube-dns")
        return (
            result.configMap, result.diagnostics.map { "\($0.location.file): \($0.severity): \($0.message)" }
        )
    }

    @Test("may be absent, empty, blank or have other keys")
    func nothing() {
        for files in [[:], ["stubDomains": "", "federations": " \n"], ["other": "{"], ["stubDomains": "{}"]] {
            let result = Self.read(files)
            #expect(result.configMap == KubeDNSConfigMap())
            #expect(result.findings == [])
        }
    }

    @Test("is read into sorted stub domains and servers in their order")
    func everything() throws {
        let result = Self.read([
            "stubDomains":
                #"{"b.example.org": ["192.0.2.1:54"], "a.org": ["[2001:db8::1]:53", "2001:db8::2"]}"#,
            "upstreamNameservers": "[\"192.0.2.9\",\n \"192.0.2.8:54\", \"2001:db8::9\"]\n",
            "federations": "one=example.org,two=example.com",
        ])
        let configMap = try #require(result.configMap)
        #expect(configMap.stubDomains.map(\.domain.description) == ["a.org.", "b.example.org."])
        #expect(
            configMap.stubDomains.map(\.servers) == [["[2001:db8::1]:53", "2001:db8::2"], ["192.0.2.1:54"]]
        )
        #expect(configMap.upstreamServers == ["192.0.2.9", "192.0.2.8:54", "2001:db8::9"])
        #expect(result.findings == [])
    }

    @Test(
        "is refused as a whole when JSON or a name or an address is wrong",
        arguments: [
            ("stubDomains", "{", "Invalid configuration for stubDomains: The given data was not valid JSON."),
            (
                "stubDomains", "acme.local=192.0.2.1",
                "Invalid configuration for stubDomains: The given data was not valid JSON."
            ),
            (
                "stubDomains", #"["192.0.2.1"]"#,
                "Invalid configuration for stubDomains: "
                    + "Expected to decode Dictionary<String, Any> but found an array instead."
            ),
            (
                "stubDomains", #"{"a.org": "192.0.2.1"}"#,
                "Invalid configuration for stubDomains: at 'a.org': "
                    + "Expected to decode Array<Any> but found a string instead."
            ),
            (
                "stubDomains", #"{"a.org": [1]}"#,
                "Invalid configuration for stubDomains: at 'a.org.Index 0': "
                    + "Expected to decode String but found number instead."
            ),
            ("stubDomains", #"{"a_b.org": ["192.0.2.1"]}"#, #"invalid domain name: "a_b.org""#),
            ("stubDomains", #"{"-a.org": ["192.0.2.1"]}"#, #"invalid domain name: "-a.org""#),
            ("stubDomains", #"{"": ["192.0.2.1"]}"#, #"invalid domain name: """#),
            ("stubDomains", #"{".": ["192.0.2.1"]}"#, #"invalid domain name: ".""#),
            ("stubDomains", #"{"a.org": ["tls://192.0.2.1"]}"#, #"invalid nameserver: "tls://192.0.2.1""#),
            ("stubDomains", #"{"a.org": ["192.0.2.1:99999"]}"#, #"invalid nameserver: "192.0.2.1:99999""#),
            (
                "upstreamNameservers", #"{"a": "b"}"#,
                "Invalid configuration for upstreamNameservers: "
                    + "Expected to decode Array<Any> but found a dictionary instead."
            ),
            (
                "upstreamNameservers", #"["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]"#,
                "upstreamNameserver cannot have more than three entries"
            ),
            (
                "upstreamNameservers", #"["/etc/resolv.conf"]"#,
                "address /etc/resolv.conf: missing port in address"
            ),
            ("upstreamNameservers", #"["ns.example.org:53"]"#, #"bad IP address: "ns.example.org""#),
            ("upstreamNameservers", #"["192.0.2.1:0"]"#, #"bad port number: "0""#),
            ("upstreamNameservers", #"["192.0.2.1:dns"]"#, #"bad port number: "dns""#),
            (
                "upstreamNameservers", #"["2001:db8::1:99999"]"#,
                "address 2001:db8::1:99999: too many colons in address"
            ),
            ("federations", "one", #"invalid format of federation: "one""#),
            ("federations", "a.b=example.org", #"invalid federation name: "a.b""#),
            ("federations", "a=-", #"invalid domain name: "-""#),
        ]
    )
    func refused(_ key: String, _ text: String, _ message: String) {
        let result = Self.read([key: text])
        #expect(result.configMap == nil)
        #expect(result.findings == ["/etc/kube-dns/\(key): error: \(message)"])
    }

    @Test("tells all errors of all keys at once")
    func allErrors() {
        let result = Self.read([
            "stubDomains": #"{"a_b": [], "c_d": []}"#, "upstreamNameservers": "{", "federations": "x",
        ])
        #expect(result.configMap == nil)
        #expect(result.findings.count == 4)
    }

    @Test(
        "leaves out an entry that cannot be served and keeps the rest",
        arguments: [
            (
                #"{"a.org": [], "b.org": ["192.0.2.1"]}"#,
                "error: stub domain a.org is left out: it has no servers"
            ),
            (
                #"{"a.org": ["192.0.2.2", "ns.example.org"], "b.org": ["192.0.2.1"]}"#,
                "error: stub domain a.org is left out: "
                    + "invalid nameservers [192.0.2.2 ns.example.org] for the "
                    + #"stub domain a.org: not an IP address or file: "ns.example.org""#
            ),
            (
                #"{"B.org": ["192.0.2.1"]}"#, "warning: stub domain B.org is taken as b.org"
            ),
            (
                #"{"B.org": ["192.0.2.1"], "b.org": ["192.0.2.1"]}"#,
                "error: stub domain b.org is left out: it stands there twice"
            ),
        ]
    )
    func leftOut(_ text: String, _ finding: String) {
        let result = Self.read(["stubDomains": text])
        #expect(result.configMap?.stubDomains.map(\.domain.description) == ["b.org."])
        #expect(result.findings.last == "/etc/kube-dns/stubDomains: \(finding)")
    }
}
