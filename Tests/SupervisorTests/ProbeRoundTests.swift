// Rounds of questions over real sockets: who asks again, and who gives way to a new client. The worker is played by
// the test, step by step on its own thread.

import Addresses
import Control
import Glibc
import Kernel
import Testing

@testable import Supervisor

@Suite struct ProbeRoundTests {
    /// Where the questions go, over both transports.
    private final class Service {
        let endpoint: Endpoint
        private let datagrams: OwnedDescriptor
        private let listener: OwnedDescriptor
        private var connections: [CInt] = []
        private(set) var accepted = 0
        /// Ports that UDP questions came from.
        private(set) var ports: Set<UInt16> = []

        init(_ address: IPAddress) throws {
            listener = try Socket.stream(boundTo: Endpoint(address, port: 0))
            endpoint = try #require(Socket.localEndpoint(of: listener.raw))
            datagrams = try Socket.alone(at: endpoint)
            try Socket.listen(stream: listener.raw)
        }

        deinit { closeConnections() }

        func closeConnections() {
            for connection in connections { close(connection) }
            connections = []
        }

        /// Answers every question that has come, as the agent with this token.
        func answer(_ token: String) {
            while case let connection = accept(listener.raw, nil, nil), connection >= 0 {
                accepted += 1
                connections.append(connection)
            }
            var query = [UInt8](repeating: 0, count: 512)
            for connection in connections {
                let count = recv(connection, &query, query.count, CInt(MSG_DONTWAIT))
                guard count > 2 else { continue }
                let reply = FakeWorker.reply(Array(query[2..<count]), token)
                let framed = [UInt8(reply.count >> 8), UInt8(reply.count & 0xff)] + reply
                send(connection, framed, framed.count, CInt(MSG_NOSIGNAL))
            }
            var peer = sockaddr_in()
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutablePointer(to: &peer) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    while case let count = recvfrom(datagrams.raw, &query, query.count, 0, address, &size),
                        count > 0
                    {
                        ports.insert(UInt16(bigEndian: pointer.pointee.sin_port))
                        let reply = FakeWorker.reply(Array(query.prefix(count)), token)
                        sendto(datagrams.raw, reply, reply.count, 0, address, size)
                    }
                }
            }
        }
    }

    /// The supervisor's side: what it keeps from one round to the next.
    private final class Asker {
        let poller: Poller
        let clients = ProbeClients()
        var nextToken: UInt64 = 1
        let service: Service

        init(_ service: Service) throws {
            poller = try Poller()
            self.service = service
        }

        /// Asks one round; whether all was answered. Loopback delivers before `send` returns: some steps are enough.
        func round(_ number: UInt64, missed: Int = 0, answeredBy token: String = "ours") -> Bool {
            clients.prepare(for: number, missed: missed)
            let round = ProbeRound(
                number: number,
                token: "ours",
                endpoints: [service.endpoint],
                mark: nil,
                clients: clients,
                missed: missed,
                nextToken: &nextToken,
                poller: poller
            )
            for _ in 0..<8 where !round.isComplete {
                service.answer(token)
                poller.wait(milliseconds: 0) { token in
                    _ = round.proceed(token, nextToken: &nextToken, poller: poller)
                }
            }
            return round.isComplete
        }
    }

    private static let address = IPAddress(v4: 0x7f4d_0301)

    @Test func whoWasAnsweredAsksAgain() throws {
        let service = try Service(Self.address)
        let asker = try Asker(service)
        for number in 1...3 as ClosedRange<UInt64> { #expect(asker.round(number)) }
        #expect(service.accepted == 1)
        #expect(service.ports.count == 1)
    }

    @Test func everyFourthRoundAsksWithNewClients() throws {
        let service = try Service(Self.address)
        let asker = try Asker(service)
        for number in 1...9 as ClosedRange<UInt64> { #expect(asker.round(number)) }
        #expect(service.accepted == 3, "in the rounds 1, 4 and 8")
    }

    @Test func afterAMissedAnswerAllAreNew() throws {
        let service = try Service(Self.address)
        let asker = try Asker(service)
        #expect(asker.round(1))
        #expect(asker.round(2, missed: 1))
        #expect(service.accepted == 3, "one, and one for each of two ports")
    }

    @Test func aClosedConnectionIsReplacedInTheSameRound() throws {
        let service = try Service(Self.address)
        let asker = try Asker(service)
        #expect(asker.round(1))
        service.closeConnections()
        #expect(asker.round(2))
        #expect(service.accepted == 2)
    }

    @Test func anEndBetweenTheRoundsDoesNotKeepThePollerAwake() throws {
        let service = try Service(Self.address)
        let asker = try Asker(service)
        #expect(asker.round(1))
        service.closeConnections()
        var ready: [UInt64] = []
        asker.poller.wait(milliseconds: 0) { ready.append($0) }
        #expect(ready.count == 1)
        for token in ready { asker.clients.remove(token) }
        asker.poller.wait(milliseconds: 0) { Issue.record("token \($0) is still there") }
    }

    @Test func silenceIsNotCoveredByAnEarlierAnswer() throws {
        let service = try Service(Self.address)
        let asker = try Asker(service)
        #expect(asker.round(1))
        #expect(!asker.round(2, answeredBy: "another's"))
    }
}
