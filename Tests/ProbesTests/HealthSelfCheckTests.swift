import Addresses
import Glibc
import NIOCore
import NIOPosix
import Telemetry
import Testing

@testable import Probes

@Suite struct HealthSelfCheckTests {
    @Test func aHealthyServerIsMeasured() async throws {
        let (asked, continuation) = AsyncStream<Void>.makeStream()
        let routes = ProbeRoutes([
            "/health": {
                continuation.yield()
                return ProbeResponse("OK")
            }
        ])
        try await serving(routes) { endpoint in
            let check = HealthSelfCheck(
                of: endpoint,
                group: MultiThreadedEventLoopGroup.singleton,
                interval: .milliseconds(1)
            )
            check.start()
            // A check begins when the one before it has been recorded.
            var iterator = asked.makeAsyncIterator()
            await iterator.next()
            await iterator.next()
            check.stop()
            let text = String(decoding: MetricSnapshot(of: [check]).render(), as: UTF8.self)
            #expect(!text.contains("coredns_health_request_duration_seconds_count 0\n"))
            #expect(text.contains("\ncoredns_health_request_failures_total 0\n"))
        }
    }

    @Test func anAnswerThatIsNot200IsAFailure() async throws {
        try await serving(ProbeRoutes()) { endpoint in
            let error = await firstTrouble(with: endpoint)
            #expect(error as? ProbeError == .notHealthy)
        }
    }

    @Test func aClosedPortIsAFailure() async throws {
        // Nobody listens behind this backlog of nothing: the listener is gone before the check begins.
        let group = MultiThreadedEventLoopGroup.singleton
        let holder = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        let port = UInt16(try #require(holder.localAddress?.port))
        try await holder.close()
        let endpoint = Endpoint(IPAddress(v4: 0x7F00_0001), port: port)
        let error = await firstTrouble(with: endpoint)
        #expect((error as? IOError)?.errnoCode == ECONNREFUSED)
    }

    private func firstTrouble(with endpoint: Endpoint) async -> (any Error)? {
        let (troubles, continuation) = AsyncStream<HealthSelfCheck.Trouble>.makeStream()
        let check = HealthSelfCheck(
            of: endpoint,
            group: MultiThreadedEventLoopGroup.singleton,
            interval: .milliseconds(1),
            onTrouble: { continuation.yield($0) }
        )
        check.start()
        var iterator = troubles.makeAsyncIterator()
        let trouble = await iterator.next()
        check.stop()
        #expect((MetricSnapshot(of: [check]).number(.healthFailures) ?? -1) >= 1)
        guard case .failed(let error) = trouble else { return nil }
        return error
    }
}
