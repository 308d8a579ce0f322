import Addresses
import NIOCore
import NIOPosix
import Telemetry
import Testing

@testable import Probes

@Suite struct ProbeServerTests {
    private static let routes =
        ProbeRoutes.health()
        + ProbeRoutes(["/big": { ProbeResponse(body: Array(repeating: 0x78, count: 1 << 20)) }])

    // MARK: Requests

    @Test(arguments: ["GET", "POST", "PUT", "OPTIONS", "DELETE"])
    func healthIsOKForAnyMethod(method: String) async throws {
        try await serving(Self.routes) { server in
            let answer = try await RawClient.exchange(
                "\(method) /health HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n",
                with: server
            )
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(answer.contains("Content-Type: text/plain; charset=utf-8\r\n"))
            #expect(answer.contains("Content-Length: 2\r\n"))
            #expect(answer.contains("Connection: close\r\n"))
            #expect(answer.hasSuffix(" GMT\r\nConnection: close\r\n\r\nOK"))
        }
    }

    @Test func headHasNoBody() async throws {
        try await serving(Self.routes) { server in
            let answer = try await RawClient.exchange(
                "HEAD /health HTTP/1.1\r\nConnection: close\r\n\r\n",
                with: server
            )
            #expect(answer.contains("Content-Length: 2\r\n"))
            #expect(answer.hasSuffix("\r\n\r\n"))
        }
    }

    @Test(arguments: ["/", "/healthz", "/health/", "/metrics", "*"])
    func anUnknownPathIsNotFound(path: String) async throws {
        try await serving(Self.routes) { server in
            let answer = try await RawClient.exchange(
                "GET \(path) HTTP/1.1\r\nConnection: close\r\n\r\n",
                with: server
            )
            // "*" belongs to OPTIONS only (RFC 9112, 3.2.4), so the parser may refuse it.
            #expect(answer.hasPrefix("HTTP/1.1 404 ") || path == "*" && answer.hasPrefix("HTTP/1.1 400 "))
            if path != "*" { #expect(answer.hasSuffix("\r\n\r\n404 page not found\n")) }
        }
    }

    @Test(arguments: [
        "/health", "/health?verbose=1", "http://example.org:8080/health", "http://example.org/health?x=/y",
    ])
    func theTargetMayBeAbsoluteOrCarryAQuery(target: String) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        #expect(try await Self.routes.response(to: target, on: loop).get() == ProbeResponse("OK"))
    }

    @Test func aConnectionServesManyRequestsInOrder() async throws {
        try await serving(Self.routes) { server in
            let request = "GET /health HTTP/1.1\r\n\r\nGET /none HTTP/1.1\r\n\r\n"
            let answer = try await RawClient.exchange(
                request + "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n",
                with: server
            )
            let codes = answer.split(separator: "HTTP/1.1 ").map { $0.prefix(3) }
            #expect(codes == ["200", "404", "200"])
        }
    }

    @Test func aLargeResponseArrivesWhole() async throws {
        try await serving(Self.routes) { server in
            let answer = try await RawClient.exchange(
                "GET /big HTTP/1.1\r\nConnection: close\r\n\r\n",
                with: server
            )
            #expect(answer.utf8.reversed().prefix { $0 == 0x78 }.count == 1 << 20)
        }
    }

    @Test func anHTTP10ClientIsAnsweredAndLeft() async throws {
        try await serving(Self.routes) { server in
            let answer = try await RawClient.exchange("GET /health HTTP/1.0\r\n\r\n", with: server)
            #expect(answer.hasPrefix("HTTP/1.0 200 OK\r\n"))
            #expect(answer.hasSuffix("\r\n\r\nOK"))
        }
    }

    @Test func metricsShowTheSourcesAndCountTheScrapes() async throws {
        let scrapes = ScrapeCounter()
        try await serving(.metrics([ProcessMetrics(), scrapes], scrapes: scrapes)) { server in
            let request = "GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n"
            let first = try await RawClient.exchange(request, with: server)
            #expect(
                first.contains(
                    "Content-Type: text/plain; version=0.0.4; charset=utf-8; escaping=underscores\r\n"
                )
            )
            #expect(first.contains("\nprocess_open_fds "))
            #expect(first.contains("\npromhttp_metric_handler_requests_total{code=\"200\"} 0\n"))
            #expect(first.contains("\npromhttp_metric_handler_requests_in_flight 1\n"))
            let second = try await RawClient.exchange(request, with: server)
            #expect(second.contains("\npromhttp_metric_handler_requests_total{code=\"200\"} 1\n"))
        }
    }

    /// What takes time to find out holds up neither the connection's next request nor another connection.
    @Test func numbersOfAnotherProcessAreWaitedFor() async throws {
        let asked = AsyncStream<EventLoopPromise<MetricSnapshot?>>.makeStream()
        let routes = ProbeRoutes.metrics([ProcessMetrics()]) { loop in
            let promise = loop.makePromise(of: MetricSnapshot?.self)
            asked.continuation.yield(promise)
            return promise.futureResult
        }
        try await serving(routes + .health()) { server in
            var requests = asked.stream.makeAsyncIterator()
            let request = "GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n"
            async let scrape = RawClient.exchange(request, with: server)
            let first = try #require(await requests.next())
            try await expectHealthy(server)
            var other = MetricSnapshot()
            other.add(.coalesced, 7)
            other.add(.processOpenDescriptors, 1_000_000)
            first.succeed(other)
            let text = try await scrape
            #expect(text.contains("\nnodelocal_coalesced_total 7\n"))
            #expect(text.contains("\nprocess_open_fds ") && !text.contains("\nprocess_open_fds 1e+06\n"))

            async let alone = RawClient.exchange(request, with: server)
            try #require(await requests.next()).succeed(nil)
            #expect(try await alone.contains("\nnodelocal_coalesced_total 0\n"))

            // Who does not wait for it harms nobody.
            let impatient = try await RawClient.connect(to: server)
            try await impatient.send(request)
            let left = try #require(await requests.next())
            try await impatient.close()
            left.succeed(nil)
            try await expectHealthy(server)
        }
    }

    // MARK: Bad requests

    @Test(arguments: [
        "\r\n\r\n\r\nnonsense\r\n\r\n",
        "GET /health HTTP/9.9\r\n\r\n",
        "GET /health\r\n\r\n",
        "GET /health HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "GET /health HTTP/1.1\r\nbad header\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}",  // a TLS client
        "GET /health HTTP/1.1\r\nX: " + String(repeating: "y", count: 20_000) + "\r\n\r\n",
    ])
    func whatIsNotHTTPIsRefusedAndTheServerLives(request: String) async throws {
        try await serving(Self.routes) { server in
            let answer = try await RawClient.exchange(request, with: server)
            #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
            try await expectHealthy(server)
        }
    }

    @Test func aBodyNobodyWantsIsCutOff() async throws {
        try await serving(Self.routes) { server in
            let head = "POST /health HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"
            let answer = try await RawClient.exchange(
                head + String(repeating: "x", count: 17 << 10),
                with: server
            )
            #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 413 "))  // a reset may overtake the answer
            try await expectHealthy(server)
        }
    }

    @Test func aSmallBodyIsReadAndForgotten() async throws {
        try await serving(Self.routes) { server in
            let answer = try await RawClient.exchange(
                "POST /health HTTP/1.1\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
                with: server
            )
            #expect(answer.hasSuffix("\r\n\r\nOK"))
        }
    }

    // MARK: Limits

    @Test(arguments: [
        "", "GET /hea", "GET /health HTTP/1.1\r\n\r\n", "POST /health HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
    ])
    func whoeverStopsTalkingIsLeft(request: String) async throws {
        var limits = ProbeLimits()
        limits.time = .milliseconds(50)
        try await serving(Self.routes, limits) { server in
            // Comes back only because the server closes.
            let answer = try await RawClient.exchange(request, with: server)
            #expect(answer.hasSuffix("\r\n\r\nOK") == request.hasPrefix("GET /health"))
        }
    }

    @Test func oneConnectionTooManyIsClosedAtOnce() async throws {
        var limits = ProbeLimits()
        limits.connections = 1
        limits.time = .hours(1)
        try await serving(Self.routes, limits) { server in
            let first = try await RawClient.connect(to: server)
            try await first.send("GET /health HTTP/1.1\r\n\r\n")
            let second = try await RawClient.connect(to: server)
            let nothing = try await second.everything()
            #expect(nothing.isEmpty)
            try await first.send("GET /health HTTP/1.1\r\nConnection: close\r\n\r\n")
            let answers = try await first.everything()
            #expect(answers.split(separator: "HTTP/1.1 200 OK").count == 2)
        }
    }

    // MARK: Helpers

    private func expectHealthy(_ server: Endpoint) async throws {
        let answer = try await RawClient.exchange(
            "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n",
            with: server
        )
        #expect(answer.hasSuffix("\r\n\r\nOK"))
    }
}

/// Runs `body` against a server on a free port, and stops the server.
func serving(
    _ routes: ProbeRoutes,
    _ limits: ProbeLimits = ProbeLimits(),
    _ body: (Endpoint) async throws -> Void
) async throws {
    let (changes, continuation) = AsyncStream<ProbeServer.Change>.makeStream()
    let server = ProbeServer(
        at: Endpoint(IPAddress(v4: 0x7F00_0001), port: 0),
        routes: routes,
        group: MultiThreadedEventLoopGroup.singleton,
        limits: limits,
        onChange: { continuation.yield($0) }
    )
    server.start()
    var iterator = changes.makeAsyncIterator()
    guard case .bound(let endpoint) = await iterator.next() else {
        Issue.record("no port on the loopback")
        return
    }
    #expect(server.boundEndpoint == endpoint)
    do {
        try await body(endpoint)
        await server.stop()
    } catch {
        await server.stop()
        throw error
    }
    #expect(server.boundEndpoint == nil)
}
