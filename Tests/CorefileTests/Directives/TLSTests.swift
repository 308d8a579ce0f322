import Corefile
import Plugins
import Testing

@Suite("tls, and blocks served over it")
struct TLSTests {
    private static let files = ["cert.pem": "CERT", "key.pem": "KEY", "ca.pem": "CA"]

    private func check(_ text: String, flaw: TLSFlaw? = nil) -> CorefileCheck {
        let files = Self.files.merging(["Corefile": text]) { $1 }
        return CorefileCheck.run(
            "Corefile",
            sources: Sources(
                read: { (path) throws(SourceError) in
                    guard let text = files[path] else { throw .notFound }
                    return text
                },
                flaw: { _ in flaw }
            )
        )
    }

    private func findings(_ text: String, flaw: TLSFlaw? = nil) -> [String] {
        check(text, flaw: flaw).diagnostics.map(\.onOneLine)
    }

    @Test("The block listens on 853 over TLS, with the texts of its files")
    func served() throws {
        let text =
            "tls://example.org {\n tls cert.pem key.pem ca.pem {\n client_auth require_and_verify\n }\n}"
        let configuration = try #require(check(text).configuration)
        let tls = try #require(configuration.blocks[0].plugin(ServerTLSConfiguration.self))
        #expect((tls.certificate, tls.key) == ("CERT", "KEY"))
        #expect(tls.authorities == "CA" && tls.clientAuthentication == .required)
        let endpoint = try #require(ListenerPlan(configuration).listeners.first).endpoint
        #expect(endpoint.port == 853 && endpoint.isEncrypted && "\(endpoint)" == "tls://:853")
    }

    @Test("Plain blocks take the line and do not care")
    func plain() throws {
        let configuration = try #require(check(". {\n tls cert.pem key.pem\n}").configuration)
        #expect(ListenerPlan(configuration).listeners.map(\.endpoint.isEncrypted) == [false])
    }

    @Test(
        "What cannot be served is refused",
        arguments: [
            (
                "tls://. {\n whoami\n}",
                "1:1: error: a tls:// listener without certificate would serve in plain"
            ),
            ("tls://. {\n tls cert.pem\n}", "2:6: error: plugin/tls: Wrong argument count"),
            ("tls://. {\n tls none.pem key.pem\n}", "2:6: error: plugin/tls: none.pem: no such file"),
            (
                "tls://. {\n tls cert.pem key.pem\n}\n.:853 {\n whoami\n}",
                "4:1: error: dns://:853 and tls://:853 cannot be served on one port"
            ),
            (
                "tls://. {\n tls cert.pem key.pem {\n client_auth require_and_verify\n }\n}",
                "3:14: error: plugin/tls: client_auth require_and_verify needs authorities"
            ),
            (
                "tls://. {\n tls cert.pem key.pem ca.pem {\n client_auth request\n }\n}",
                "3:14: error: plugin/tls: client_auth request is not available"
            ),
            ("quic://. {\n whoami\n}", "1:1: error: quic:// is not available"),
        ]
    )
    func refused(_ text: String, _ finding: String) {
        let found = findings(text)
        #expect(found.contains { $0.hasPrefix("Corefile:\(finding)") }, "\(found)")
    }

    @Test("A file that is no good is told with its place")
    func flaws() {
        let found = findings("tls://. {\n tls cert.pem key.pem\n}", flaw: TLSFlaw(.key, "it is no key"))
        #expect(
            found.first
                == "Corefile:2:15: error: plugin/tls: key.pem: it is no key (write: tls CERT KEY [CA], files in PEM form)"
        )
    }
}
