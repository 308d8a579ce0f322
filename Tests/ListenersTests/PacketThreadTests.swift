import Addresses
import DNSWire
import Glibc
import Kernel
import Listeners
import NIOCore
import Resolution
import Synchronization
import Telemetry
import TestSupport
import Testing
import Timing

/// UDP over loopback: a real thread, a desk that is played.
@Suite struct PacketThreadTests {
    /// A served socket.
    private struct Served {
        let thread: PacketThread
        let socket: SharedDescriptor
        let address: Endpoint

        init(_ loop: any EventLoop, _ desk: FakeDesk) throws {
            socket = SharedDescriptor(try Socket.datagram(listeningOn: loopback))
            address = try #require(Socket.localEndpoint(of: socket.raw))
            thread = try PacketThread.start(
                DatagramListener(socket: socket, family: .v4, table: table()),
                number: 0,
                pipeline: pipeline(),
                misses: try MissQueue(eventLoop: loop) { desk.accept($0) }
            )
        }

        /// Serves the socket with a new table.
        func serve() { thread.adopt(table()) }

        func end() { thread.stop() }
    }

    private func withServer(
        _ body: @escaping (Served, SocketClient, any EventLoop, FakeDesk) throws -> Void
    ) async throws {
        try await withLoop { loop, desk in
            let served = try Served(loop, desk)
            defer { served.end() }
            try body(served, try SocketClient(SOCK_DGRAM, to: served.address), loop, desk)
        }
    }

    @Test func theThreadAnswersWhatItKnowsAndTheDeskTheRest() async throws {
        try await withServer { _, client, _, _ in
            client.send(probe(7).encoded())
            let known = try #require(Message(client.receive()))
            #expect(known.id == 7 && known.answers.first?.data == "it-is-me")
            client.send(question("www", 8).encoded())
            let asked = try #require(Message(client.receive()))
            #expect(asked.id == 8 && asked.lines == ["www.example.org. 60 A 192.0.2.1"])
        }
    }

    @Test func repliesOvertakeThoseThatHaveToWait() async throws {
        try await withServer { _, client, loop, desk in
            client.send(question("hold", 1).encoded())
            client.send(question("www", 2).encoded())
            #expect(Message(client.receive())?.id == 2)
            try loop.submit { desk.release() }.wait()
            #expect(Message(client.receive())?.id == 1)
        }
    }

    @Test func rubbishIsNotAnswered() async throws {
        try await withServer { _, client, _, _ in
            for rubbish in [[], [0x2a], [UInt8](repeating: 0xff, count: 600)] { client.send(rubbish) }
            client.send(probe(7).encoded())
            #expect(Message(client.receive())?.id == 7)
        }
    }

    @Test func aLongQueryIsReadWhole() async throws {
        try await withServer { _, client, _, _ in
            var padded = question("www", 9)
            padded.opt = Message.OPT()
            padded.opt?.options = [0, 12, 0x0b, 0xb8] + [UInt8](repeating: 0, count: 3_000)
            client.send(padded.encoded())
            #expect(Message(client.receive())?.id == 9)
        }
    }

    @Test func manyQueriesAreAllAnswered() async throws {
        try await withServer { _, client, _, _ in
            var seen: Set<UInt16> = []
            for start in stride(from: 0, to: 2_000, by: 100) as StrideTo<UInt16> {
                for id in start..<start + 100 {
                    client.send(id.isMultiple(of: 3) ? question("www", id).encoded() : probe(id).encoded())
                }
                for _ in 0..<100 { if let reply = Message(client.receive()) { seen.insert(reply.id) } }
            }
            #expect(seen.count == 2_000)
        }
    }

    @Test func noQueryIsLostWhileTheConfigurationChanges() async throws {
        try await withServer { served, client, _, _ in
            var seen: Set<UInt16> = []
            for round in 0..<50 as Range<UInt16> {
                for id in 0..<20 as Range<UInt16> {
                    if id == 7 { served.serve() }
                    client.send(
                        (id.isMultiple(of: 2) ? probe(round * 20 + id) : question("www", round * 20 + id))
                            .encoded()
                    )
                }
                served.serve()
                for _ in 0..<20 { if let reply = Message(client.receive()) { seen.insert(reply.id) } }
            }
            #expect(seen.count == 1_000)
        }
    }

    /// It waits for upstream when its worker is killed; here, when its thread ends.
    @Test func whatAWorkerOwedIsAnsweredByTheNext() async throws {
        let owed = SharedDescriptor(try MemoryFile.make(name: "test", []))
        let counters = DatagramCounters()
        try await withLoop { loop, desk in
            let socket = SharedDescriptor(try Socket.datagram(listeningOn: loopback))
            let address = try #require(Socket.localEndpoint(of: socket.raw))
            let client = try SocketClient(SOCK_DGRAM, to: address)
            let misses = try MissQueue(eventLoop: loop) { desk.accept($0) }
            let start = {
                try PacketThread.start(
                    DatagramListener(socket: socket, owed: owed, family: .v4, table: table()),
                    number: 0,
                    pipeline: pipeline(),
                    misses: misses,
                    counters: counters
                )
            }
            let first = try start()
            client.send(question("hold", 1).encoded())
            client.send(probe(2).encoded())
            #expect(Message(client.receive())?.id == 2)
            first.stop()
            let next = try start()
            defer { next.stop() }
            client.send(probe(3).encoded())
            #expect(Message(client.receive())?.id == 3, "what was owed comes first")
            #expect(MetricSnapshot(of: [counters]).number(.takenOver) == 1)
            try loop.submit { desk.release() }.wait()
            #expect(Message(client.receive())?.id == 1)
        }
    }

    /// The loop stands still, and so many wait for it already.
    @Test func whatTheQueueHasNoRoomForFailsAtOnce() async throws {
        try await withLoop { loop, desk in
            let socket = SharedDescriptor(try Socket.datagram(listeningOn: loopback))
            let client = try SocketClient(SOCK_DGRAM, to: try #require(Socket.localEndpoint(of: socket.raw)))
            let standstill = Standstill()
            loop.execute { standstill.wait() }
            let misses = try MissQueue(eventLoop: loop, capacity: 3) { desk.accept($0) }
            let thread = try PacketThread.start(
                DatagramListener(socket: socket, family: .v4, table: table()),
                number: 0,
                pipeline: pipeline(),
                misses: misses
            )
            for id in 1...3 as ClosedRange<UInt16> { client.send(question("www", id).encoded()) }
            // The second of these is read after the batch with the questions was handed over.
            for id in 4...5 as ClosedRange<UInt16> {
                client.send(probe(id).encoded())
                #expect(Message(client.receive())?.id == id)
            }
            client.send(question("www", 6).encoded())
            let shed = try #require(Message(client.receive()))
            #expect(shed.id == 6 && shed.lines.isEmpty && shed.code == .serverFailure)
            standstill.end()
            #expect(Set((1...3).compactMap { _ in Message(client.receive())?.id }) == [1, 2, 3])
            thread.stop()
        }
    }

    /// Upstream's answers and TCP clients get their turn while many questions wait.
    @Test func theLoopTakesQuestionsInSlices() async throws {
        try await withLoop { loop, desk in
            let table = table()
            let question = PendingQuery(
                packet: question("hold").encoded(),
                table: table,
                zone: 0,
                reason: .miss,
                arrivedAt: MonotonicClock.now(),
                replyPath: nil,
                family: .v4,
                transport: .udp
            )
            let misses = try MissQueue(eventLoop: loop) { desk.accept($0) }
            let accepted = Mutex<[Int]>([])
            let note = { @Sendable in accepted.withLock { $0.append(desk.holds) } }
            try loop.submit {
                misses.submit([PendingQuery](repeating: question, count: 1_000))
                loop.execute(note)
            }.wait()
            while desk.holds < 1_000 { Thread.pause(.milliseconds(1)) }
            #expect(accepted.withLock { $0.first.map { $0 < 1_000 } } == true)
        }
    }

    @Test func whatIsQueuedIsAnsweredBeforeTheEnd() async throws {
        try await withServer { served, client, _, _ in
            client.send(probe(1_000).encoded())
            #expect(Message(client.receive())?.id == 1_000)
            for id in 0..<100 as Range<UInt16> { client.send(probe(id).encoded()) }
            served.thread.stop()
            let ids = (0..<100).compactMap { _ in Message(client.receive())?.id }
            #expect(Set(ids).count == 100)
        }
    }

    /// With a second socket on the address, as another agent has it in an upgrade.
    @Test func whoLeavesAnswersItsShareAndGetsNoMore() async throws {
        try await withLoop { loop, desk in
            let leaving = try Served(loop, desk)
            let staying = SharedDescriptor(try Socket.datagram(listeningOn: leaving.address))
            let clients = try (0..<40).map { _ in try SocketClient(SOCK_DGRAM, to: leaving.address) }
            for client in clients[..<20] { client.send(question("www", 1).encoded()) }
            leaving.thread.leaveGroup()
            for client in clients[20...] { client.send(probe(2).encoded()) }
            leaving.end()
            let other = try PacketThread.start(
                DatagramListener(socket: staying, family: .v4, table: table()),
                number: 1,
                pipeline: pipeline(),
                misses: try MissQueue(eventLoop: loop) { desk.accept($0) }
            )
            #expect(clients.compactMap { Message($0.receive())?.id }.count == 40)
            other.stop()
        }
    }

    /// Stopped as soon as it was started: what is queued is still answered.
    @Test func anEarlyEndLosesNothing() async throws {
        try await withLoop { loop, desk in
            let socket = SharedDescriptor(try Socket.datagram(listeningOn: loopback))
            let client = try SocketClient(SOCK_DGRAM, to: try #require(Socket.localEndpoint(of: socket.raw)))
            for id in 0..<10 as Range<UInt16> { client.send(probe(id).encoded()) }
            let thread = try PacketThread.start(
                DatagramListener(socket: socket, family: .v4, table: table()),
                number: 0,
                pipeline: pipeline(),
                misses: try MissQueue(eventLoop: loop) { desk.accept($0) }
            )
            thread.stop()
            #expect((0..<10).compactMap { _ in Message(client.receive())?.id } == Array(0..<10))
        }
    }
}
