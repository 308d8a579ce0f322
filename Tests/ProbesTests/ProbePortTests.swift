import Addresses
import Glibc
import NIOCore
import NIOPosix
import Telemetry
import Testing

@testable import Probes

/// Opening and closing the port.
@Suite struct ProbePortTests {
    @Test func aBusyPortIsOpenedAsSoonAsItIsFree() async throws {
        // A foreign listener that does not share its port.
        let group = MultiThreadedEventLoopGroup.singleton
        let holder = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        let port = UInt16(try #require(holder.localAddress?.port))
        let endpoint = Endpoint(IPAddress(v4: 0x7F00_0001), port: port)

        var limits = ProbeLimits()
        limits.retryInterval = .milliseconds(1)
        let (changes, continuation) = AsyncStream<ProbeServer.Change>.makeStream()
        let server = ProbeServer(
            at: endpoint,
            routes: .health(),
            group: group,
            limits: limits,
            onChange: { continuation.yield($0) }
        )
        server.start()
        var iterator = changes.makeAsyncIterator()
        #expect(await iterator.next() == .failed(errno: EADDRINUSE))
        #expect(server.boundEndpoint == nil)
        #expect((MetricSnapshot(of: [server]).number(.probeBindFailures) ?? -1) >= 1)
        try await holder.close()
        // Told once: the next news is that the port is ours, however many attempts it took.
        #expect(await iterator.next() == .bound(endpoint))
        await server.stop()
    }

    @Test func aServerMayBeStoppedWhileThePortIsBusy() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let holder = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        let port = UInt16(try #require(holder.localAddress?.port))
        let (changes, continuation) = AsyncStream<ProbeServer.Change>.makeStream()
        let server = ProbeServer(
            at: Endpoint(IPAddress(v4: 0x7F00_0001), port: port),
            routes: .health(),
            group: group,
            onChange: { continuation.yield($0) }
        )
        server.start()
        var iterator = changes.makeAsyncIterator()
        #expect(await iterator.next() == .failed(errno: EADDRINUSE))
        await server.stop()
        try await holder.close()
    }

    @Test func twoServersOfOursShareAPort() async throws {
        try await serving(.health()) { endpoint in
            let (changes, continuation) = AsyncStream<ProbeServer.Change>.makeStream()
            let successor = ProbeServer(
                at: endpoint,
                routes: .health(),
                group: MultiThreadedEventLoopGroup.singleton,
                onChange: { continuation.yield($0) }
            )
            successor.start()
            var iterator = changes.makeAsyncIterator()
            #expect(await iterator.next() == .bound(endpoint))
            await successor.stop()
        }
    }

    @Test(arguments: ["192.0.2.53", "2001:db8::53"])
    func anAddressThatIsNotThereYetCanBeBound(address: String) async throws {
        let (changes, continuation) = AsyncStream<ProbeServer.Change>.makeStream()
        let server = ProbeServer(
            at: Endpoint(try #require(IPAddress(address)), port: 0),
            routes: .health(),
            group: MultiThreadedEventLoopGroup.singleton,
            onChange: { continuation.yield($0) }
        )
        server.start()
        var iterator = changes.makeAsyncIterator()
        guard case .bound(let endpoint) = await iterator.next() else {
            Issue.record("\(address) could not be bound")
            return
        }
        #expect(endpoint.address.description == address)
        #expect(endpoint.port != 0)
        await server.stop()
    }

    @Test func stoppingClosesIdleConnections() async throws {
        var idle: RawClient.Connection?
        try await serving(.health()) { endpoint in
            let connection = try await RawClient.connect(to: endpoint)
            try await connection.send("GET /health HTTP/1.1\r\n\r\n")
            // The second answer shows that the first connection has been accepted.
            _ = try await RawClient.exchange(
                "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n",
                with: endpoint
            )
            idle = connection
        }
        let answer = try await #require(idle).everything()
        #expect(answer.isEmpty || answer.hasSuffix("\r\n\r\nOK"))
    }
}
