import NIOCore
import NIOPosix
import NIOSSL
import Resolution
import TestSupport
import Testing
import Timing
import Upstream

/// Upstreams over TLS: what the files must hold, and a real server on loopback that has a certificate of its own
/// authority, for dns.example.org, and `server` for 127.0.0.1 too (Fixtures/tls, made with openssl, until 2126).
@Suite struct TLSTests {
    private static let pems = Dictionary(
        uniqueKeysWithValues: ["pem", "key"].flatMap { ending in
            FixtureFiles.all(in: "tls", endingIn: ending).map { ("\($0.name).\(ending)", $0.text) }
        }
    )
    private static let authority = pems["authority.pem"] ?? ""
    private static let certificate = pems["server.pem"] ?? ""
    private static let key = pems["server.key"] ?? ""

    // MARK: Files

    /// Certificate, key, authorities, and which of them is told to be no good.
    @Test(
        arguments: [
            (nil, nil, "", .authorities),
            (nil, nil, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", .authorities),
            ("no", key, authority, .certificate),
            (certificate, "no", authority, .key),
            (authority, key, authority, .key),
        ] as [(String?, String?, String, TLSCredentials.Flaw.Part)]
    )
    func badFilesAreToldApart(
        _ row: (certificate: String?, key: String?, authorities: String, part: TLSCredentials.Flaw.Part)
    ) {
        let texts = TLSCredentials.Texts(
            certificate: row.certificate,
            key: row.key,
            authorities: row.authorities
        )
        #expect { _ = try TLSCredentials(texts) } throws: { ($0 as? TLSCredentials.Flaw)?.part == row.part }
    }

    @Test func sameTextsAreTheSameCredentials() throws {
        let texts = TLSCredentials.Texts(
            certificate: Self.certificate,
            key: Self.key,
            authorities: Self.authority
        )
        #expect(try TLSCredentials(texts) == TLSCredentials(texts))
    }

    // MARK: Connections

    /// A server that speaks TLS, and a group that asks it with `name`, trusting `authorities`.
    private func withServer(
        _ certificate: String = "server",
        name: String?,
        authorities: String = authority,
        _ adjust: @escaping @Sendable (inout ForwardSettings) -> Void = { _ in },
        _ body: (ScriptedServer, LiveGroup) async throws -> Void
    ) async throws {
        let pem = Self.pems["\(certificate).pem"] ?? ""
        let key = Self.pems["\(certificate).key"] ?? ""
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8))
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))
        )
        let context = try NIOSSLContext(configuration: configuration)
        let peer = TLSPeer(try TLSCredentials(.init(authorities: authorities)), serverName: name)
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let server = try await ScriptedServer.start(on: loops.next(), tls: context)
        let group = try await LiveGroup.start(on: loops.next(), [server.endpoint]) { settings in
            settings.encryption = [settings.upstreams[0]: peer]
            adjust(&settings)
        }
        do {
            try await body(server, group)
        } catch {
            Issue.record(error)
        }
        try await group.close()
        try await server.stop()
        try await loops.shutdownGracefully()
    }

    /// Whatever the client's transport: a question in plain would defeat the purpose.
    @Test(arguments: Transport.allCases)
    func everyQuestionGoesThroughTLS(over transport: Transport) async throws {
        try await withServer(name: "dns.example.org", { $0.transport = .udpFirst }) { server, group in
            for _ in 0..<3 {
                let outcome = try await group.ask("www.example.org", over: transport)
                #expect(outcome.text == "NOERROR \(server.endpoint)")
            }
            #expect(server.sources.isEmpty)
            #expect(server.connections == 1)
            #expect(group.counters.server(server.endpoint).value(.openedTLS) == 1)
            #expect(group.counters.server(server.endpoint).value(.reusedTLS) == 2)
        }
    }

    @Test func answersMayComeOutOfOrder() async throws {
        try await withServer(name: "dns.example.org") { server, group in
            async let held = group.ask("hold.example.org")
            try await server.hears("hold")
            let overtaking = try await group.ask("www.example.org")
            #expect(overtaking.text.hasPrefix("NOERROR"))
            server.releaseHeld()
            #expect(try await held.text.hasPrefix("NOERROR"))
            #expect(server.connections == 1)
        }
    }

    @Test func withoutANameTheCertificateMustCarryTheAddress() async throws {
        try await withServer(name: nil) { _, group in
            let outcome = try await group.ask("www.example.org")
            #expect(outcome.text.hasPrefix("NOERROR"))
        }
    }

    @Test func aCertificateForAnotherNameIsRefused() async throws {
        try await withServer("named", name: "other.example.org", { $0.limits = .short }) { server, group in
            let outcome = try await group.ask("www.example.org")
            #expect(outcome.text == "tls \(server.endpoint): the certificate is for another name")
            #expect(server.questions.isEmpty)
            #expect(group.counters.server(server.endpoint).value(.failedHandshake) > 0)
        }
    }

    @Test func aCertificateOfAnUnknownAuthorityIsRefused() async throws {
        // The server's own certificate is no authority's.
        try await withServer(
            name: "dns.example.org",
            authorities: Self.pems["named.pem"] ?? "",
            { $0.limits = .short }
        ) { server, group in
            let outcome = try await group.ask("www.example.org")
            #expect(outcome.text.hasPrefix("tls \(server.endpoint): failed to verify certificate: "))
            #expect(server.questions.isEmpty)
        }
    }

    @Test func aServerThatDoesNotSpeakTLSIsToldSo() async throws {
        let peer = TLSPeer(try TLSCredentials(.init(authorities: Self.authority)))
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let server = try await ScriptedServer.start(on: loops.next())
        let group = try await LiveGroup.start(on: loops.next(), [server.endpoint]) { settings in
            settings.limits = .short
            settings.limits.connect = .milliseconds(100)
            settings.encryption = [settings.upstreams[0]: peer]
        }
        // It waits for as many octets as the greeting's first two say.
        let outcome = try await group.ask("www.example.org")
        #expect(outcome.text == "tls \(server.endpoint): handshake: i/o timeout")
        try await group.close()
        try await server.stop()
        try await loops.shutdownGracefully()
    }

    @Test func aConnectionThatWasClosedMeanwhileCostsNothing() async throws {
        try await withServer(name: "dns.example.org") { server, group in
            _ = try await group.ask("www.example.org")
            try await server.hangUp()
            let outcome = try await group.ask("www.example.org")
            #expect(outcome.text.hasPrefix("NOERROR"))
            #expect(server.connections == 2)
        }
    }
}
