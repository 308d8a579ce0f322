// Both ends of a real socket pair in one process.

import Addresses
import Control
import Glibc
import Kernel
import Testing

@Suite struct ChannelTests {
    private let supervisor: SupervisorChannel
    private let worker: WorkerChannel

    init() throws {
        let ends = try SupervisorChannel.make()
        supervisor = ends.supervisor
        worker = try WorkerChannel(owning: ends.worker.duplicate())
    }

    private static let endpoint = Endpoint(IPAddress(v4: 0x7f00_0001), port: 0)

    @Test func socketsArriveAsTheSameOpenFiles() throws {
        let socket = SharedDescriptor(try Socket.datagram(listeningOn: Self.endpoint))
        let named = Endpoint(IPAddress(v6High: 0x2001_0db8_0000_0000, low: 1), port: 53)
        try supervisor.send(
            .sockets([ListeningSocket(.udp, named, socket), ListeningSocket(.tcp, named, socket)])
        )
        guard case .sockets(let received) = try worker.receive() else { throw Unexpected() }
        #expect(received.map(\.transport) == [.udp, .tcp])
        #expect(received.map(\.endpoint) == [named, named])
        for copy in received {
            #expect(copy.descriptor.raw != socket.raw)
            #expect(Socket.localEndpoint(of: copy.descriptor.raw) == Socket.localEndpoint(of: socket.raw))
            #expect(fcntl(copy.descriptor.raw, F_GETFD) == FD_CLOEXEC)
        }
    }

    @Test func whatAWorkerOwesTravelsBesideItsSocket() throws {
        let socket = SharedDescriptor(try Socket.datagram(listeningOn: Self.endpoint))
        let owed = SharedDescriptor(try MemoryFile.make(name: "test", [1, 2, 3]))
        try supervisor.send(
            .sockets([
                ListeningSocket(.tcp, Self.endpoint, socket),
                ListeningSocket(.udp, Self.endpoint, socket, owed: owed),
            ])
        )
        guard case .sockets(let received) = try worker.receive() else { throw Unexpected() }
        #expect(received.map(\.transport) == [.tcp, .udp])
        #expect(received[0].owed == nil)
        #expect(try received[1].owed?.readMemoryFile() == [1, 2, 3])
    }

    @Test func manySocketsTravelInSeveralMessages() throws {
        let file = SharedDescriptor(try MemoryFile.make(name: "test", []))
        let sockets = (1...450).map {
            ListeningSocket(.udp, Endpoint(IPAddress(v4: 0xc000_0201), port: $0), file, owed: file)
        }
        try supervisor.send(.sockets(sockets))
        var ports: [UInt16] = []
        var sizes: [Int] = []
        var hasFiles = true
        while ports.count < 450 {
            guard case .sockets(let some) = try worker.receive() else { throw Unexpected() }
            sizes.append(some.count)
            ports += some.map(\.endpoint.port)
            hasFiles = hasFiles && some.allSatisfy { $0.owed != nil }
        }
        #expect(sizes == [100, 100, 100, 100, 50])
        #expect(hasFiles)
        #expect(ports == Array(1...450))
    }

    @Test func aLargeConfigurationArrives() throws {
        let message = ConfigurationMessage(
            generation: 3,
            token: "abc",
            mainFile: "/etc/Core file",
            defaultPort: 5353,
            threads: 2,
            cacheBudget: 64 << 20,
            mostWaiting: 50_000,
            recorded: (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0) }
        )
        try supervisor.send(.configuration(message))
        guard case .configuration(let received) = try worker.receive() else { throw Unexpected() }
        #expect(received == message)
    }

    @Test func metricsAndDrainArrive() throws {
        try supervisor.send(.metrics([1, 2, 3]))
        try supervisor.send(.drain)
        guard case .metrics(let bytes) = try worker.receive() else { throw Unexpected() }
        #expect(bytes == [1, 2, 3])
        guard case .drain = try worker.receive() else { throw Unexpected() }
    }

    @Test func theWorkerWritesItsNumbersWhereItIsTold() throws {
        let file = SharedDescriptor(try MemoryFile.make(name: "test", []))
        try supervisor.send(.writeNumbers(7, into: file))
        guard case .writeNumbers(7, let received) = try worker.receive() else { throw Unexpected() }
        try received.writeMemoryFile([1, 2, 3])
        try worker.send(.numbersWritten(7))
        #expect(try supervisor.receive() == .message(.numbersWritten(7)))
        #expect(try file.readMemoryFile() == [1, 2, 3])
        #expect(throws: SystemError.self) { try file.readMemoryFile(limit: 2) }
    }

    @Test func theWorkerAnswers() throws {
        #expect(try supervisor.receive() == .nothing)
        try worker.send(.ready(generation: 1))
        try worker.send(.rejected(generation: 2, reason: "no"))
        #expect(try supervisor.receive() == .message(.ready(generation: 1)))
        #expect(try supervisor.receive() == .message(.rejected(generation: 2, reason: "no")))
        #expect(try supervisor.receive() == .nothing)
    }

    @Test func theEndIsSeenOnBothSides() throws {
        var ends: (supervisor: SupervisorChannel, worker: SharedDescriptor)? = try SupervisorChannel.make()
        let worker = try WorkerChannel(owning: try #require(ends).worker.duplicate())
        ends = nil
        #expect(try worker.receive() == nil)
        #expect(throws: ControlError.closed) { try worker.send(.ready(generation: 1)) }

        let other = try SupervisorChannel.make().supervisor
        #expect(try other.receive() == .end)
        #expect(throws: ControlError.closed) { try other.send(.drain) }
    }

    @Test func aWorkerThatDoesNotReadIsNoticed() throws {
        let error = #expect(throws: ControlError.self) {
            for _ in 0..<100_000 { try supervisor.send(.drain) }
        }
        #expect(error == .notReading)
    }

    @Test func aMalformedMessageLeavesTheChannelUsable() throws {
        let (parent, child) = try MessageSocket.pair()
        let worker = try WorkerChannel(owning: child.duplicate())
        try parent.send(Array("nonsense\n".utf8))
        try SupervisorChannel(parent).send(.drain)
        #expect(throws: ControlError.self) { _ = try worker.receive() }
        guard case .drain = try worker.receive() else { throw Unexpected() }
    }

    private struct Unexpected: Error {}
}
