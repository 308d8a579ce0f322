import Addresses
import NIOCore
import Testing

@testable import Probes

/// Pieces of requests in any order: some valid, most not. The same ones in every run.
@Suite struct ProbeServerFuzzTests {
    private static let pieces = [
        "GET /health HTTP/1.1\r\n\r\n", "GET /big HTTP/1.1\r\n\r\n", "HEAD /big HTTP/1.1\r\n\r\n",
        "POST /health HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "POST /big HTTP/1.1\r\n",
        "Transfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "ffffffffffffffff\r\n",
        "Content-Length: 20000\r\n\r\n", String(repeating: "z", count: 17_000), "\r\n", "\r\n\r\n", "GET ",
        "CONNECT example.org:53 HTTP/1.1\r\n\r\n",
        "GET /health HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /health HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n", "\u{0}\u{1}\u{7F}", "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n",
    ]

    @Test func noOrderOfPiecesHarmsTheServer() async throws {
        var random = Generator(state: 0x9E37_79B9)
        var limits = ProbeLimits()
        limits.time = .milliseconds(20)
        let routes =
            ProbeRoutes.health()
            + ProbeRoutes(["/big": { ProbeResponse(body: Array(repeating: 0x78, count: 300_000)) }])
        try await serving(routes, limits) { server in
            for _ in 0..<150 {
                let request = (0..<Int.random(in: 1...8, using: &random))
                    .compactMap { _ in Self.pieces.randomElement(using: &random) }
                    .joined()
                // The server may have closed before all is sent; what counts is that it closes and lives.
                _ = try? await RawClient.exchange(request, with: server)
            }
            let answer = try await RawClient.exchange(
                "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n",
                with: server
            )
            #expect(answer.hasSuffix("\r\n\r\nOK"))
        }
    }

    /// A linear congruential generator (Knuth's constants).
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }
}
