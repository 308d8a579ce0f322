import Addresses
import Glibc
import Kernel
import Listeners
import NIOCore
import Resolution
import TestSupport
import Testing

/// TCP over loopback: real sessions, a desk that is played.
@Suite struct StreamListenerTests {
    @Test func oneConnectionManyQuestions() async throws {
        try await withServer { address, _ in
            let client = try SocketClient(SOCK_STREAM, to: address)
            client.ask([probe(1)])
            #expect(client.answer()?.answers.first?.data == "it-is-me")
            client.ask((2...100).map { question("www", $0) } + [probe(101)])
            var seen: Set<UInt16> = []
            for _ in 2...101 { if let reply = client.answer() { seen.insert(reply.id) } }
            #expect(seen == Set(2...101))
        }
    }

    /// 5.5: several queries on a connection (7.22: RFC 7766, 6.2.1.1)
    /// A slow question does not hold up the others.
    @Test func answersLeaveInTheOrderInWhichTheyAreThere() async throws {
        try await withServer { address, release in
            let client = try SocketClient(SOCK_STREAM, to: address)
            client.ask([question("hold1", 1), question("www", 2), question("hold3", 3), probe(4)])
            #expect([client.answer()?.id, client.answer()?.id] == [2, 4])
            try release()
            #expect([client.answer()?.id, client.answer()?.id] == [3, 1])
        }
    }

    /// Blocks of an old configuration are retired: who stayed with them would be refused for ever.
    @Test func anOpenConnectionFollowsTheConfiguration() async throws {
        try await withListener { address, _, adopt in
            let client = try SocketClient(SOCK_STREAM, to: address)
            client.ask([question("www", 1)])
            #expect(client.answer().map { $0.flags & 15 } == 0)
            try adopt(table(serving: false))
            client.ask([question("www", 2)])
            #expect(client.answer().map { $0.flags & 15 } == 5)
        }
    }

    // MARK: The end

    /// 5.5: nothing sent
    @Test func silenceEndsAConnection() async throws {
        try await withServer({ $0.firstQuery = .milliseconds(50) }) { address, _ in
            let other = try SocketClient(SOCK_STREAM, to: address)
            #expect(other.isAtEnd)
        }
    }

    /// 5.5: idle after a query
    @Test func idlenessAfterAQuestionEndsAConnection() async throws {
        let limits: @Sendable (inout StreamLimits) -> Void = {
            // The timer of the first question is the one that looks for idleness next.
            $0.firstQuery = .milliseconds(500)
            $0.idle = .milliseconds(50)
        }
        try await withServer(limits) { address, _ in
            let client = try SocketClient(SOCK_STREAM, to: address)
            client.ask([probe(1)])
            #expect(client.answer()?.id == 1)
            #expect(client.isAtEnd)
        }
    }

    /// Whoever waits for an answer is not idle.
    @Test func aWaitingClientIsNotSentAway() async throws {
        let limits: @Sendable (inout StreamLimits) -> Void = {
            $0.idle = .milliseconds(20)
            $0.firstQuery = .milliseconds(20)
        }
        try await withServer(limits) { address, release in
            let waiting = try SocketClient(SOCK_STREAM, to: address)
            waiting.ask([question("hold", 1), probe(2)])
            #expect(waiting.answer()?.id == 2)
            // Another connection that is idle marks the time.
            let other = try SocketClient(SOCK_STREAM, to: address)
            #expect(other.isAtEnd)
            try release()
            #expect(waiting.answer()?.id == 1)
            #expect(waiting.isAtEnd)
        }
    }

    /// 5.5: half-close
    @Test func whoHasFinishedAskingIsStillAnswered() async throws {
        try await withServer { address, release in
            let client = try SocketClient(SOCK_STREAM, to: address)
            client.ask([question("hold", 1), question("www", 2)])
            client.finish()
            #expect(client.answer()?.id == 2)
            try release()
            #expect(client.answer()?.id == 1)
            #expect(client.isAtEnd)
        }
    }

    /// More than the kernel's buffers hold: the connection must not end before it has left.
    @Test func largeAnswersLeaveWholeBeforeTheEnd() async throws {
        try await withServer { address, _ in
            let client = try SocketClient(SOCK_STREAM, to: address)
            client.ask((1...200).map { question("big", $0) })
            client.finish()
            var count = 0
            while client.answer() != nil { count += 1 }
            #expect(count == 200)
        }
    }

    // MARK: Leaving

    /// Where a client has its answer and has not asked again, nothing of its can be lost.
    @Test func whoLeavesEndsAConnectionBehindItsNextAnswer() async throws {
        try await withLoop { loop, desk in
            let socket = SharedDescriptor(try Socket.stream(boundTo: loopback))
            let address = try #require(Socket.localEndpoint(of: socket.raw))
            let (streams, listener) = try loop.flatSubmit {
                let streams = StreamDesk(pipeline: pipeline()) { desk.accept($0) }
                let bound = NIOLoopBound(streams, eventLoop: loop)
                return loop.makeCompletedFuture {
                    try StreamListener.start(on: socket, table: table(), desk: streams, eventLoop: loop)
                }
                .flatMap { $0 }.map { (bound, $0) }
            }.wait()
            let waiting = try SocketClient(SOCK_STREAM, to: address)
            let idle = try SocketClient(SOCK_STREAM, to: address)
            for client in [waiting, idle] {
                client.ask([probe(1)])
                #expect(client.answer()?.id == 1)
            }
            waiting.ask([question("hold", 2), probe(3)])
            #expect(waiting.answer()?.id == 3)
            try loop.submit { streams.value.isLeaving = true }.wait()

            let late = try SocketClient(SOCK_STREAM, to: address)
            late.ask([probe(4)])
            #expect(late.answer()?.id == 4 && late.isAtEnd)
            let packet = probe(5).encoded()
            idle.send([0])
            idle.send([UInt8(packet.count)] + packet)
            #expect(idle.answer()?.id == 5 && idle.isAtEnd)
            // It asks again just before it has its answer: closing now would take the question with it.
            nonisolated(unsafe) let hasty = waiting
            try loop.submit {
                unsafe hasty.ask([probe(6)])
                desk.release()
            }.wait()
            #expect(waiting.answer()?.id == 2)
            #expect(waiting.answer()?.id == 6 && waiting.isAtEnd)

            while try !loop.submit({ listener.closeIfNobodyWaits() }).wait() {}
            #expect(throws: (any Error).self) { try SocketClient(SOCK_STREAM, to: address) }
        }
    }

    // MARK: Limits

    /// 5.5: number of connections (7.22: one client, or a flood of them, must not use up the descriptors)
    @Test func oneClientHasSoManyConnections() async throws {
        try await withServer({ $0.connectionsPerClient = 2 }) { address, _ in
            var clients = try (0..<2).map { _ in try SocketClient(SOCK_STREAM, to: address) }
            for client in clients {
                client.ask([probe(1)])
                #expect(client.answer()?.id == 1)
            }
            let other = try SocketClient(SOCK_STREAM, to: address)
            #expect(other.isAtEnd)
            // A place that is given back is given out again; the server hears of the end sooner or later.
            clients.removeLast()
            var isServed = false
            while !isServed {
                let client = try SocketClient(SOCK_STREAM, to: address)
                client.ask([probe(2)])
                isServed = client.answer()?.id == 2
            }
        }
    }

    @Test func allClientsHaveSoManyConnections() async throws {
        try await withServer({ $0.connections = 1 }) { address, _ in
            let client = try SocketClient(SOCK_STREAM, to: address)
            client.ask([probe(1)])
            #expect(client.answer()?.id == 1)
            let other = try SocketClient(SOCK_STREAM, to: address)
            #expect(other.isAtEnd)
        }
    }

    /// Who asks faster than upstream answers has to wait; nothing is lost by it.
    @Test func moreThanMayWaitIsReadLater() async throws {
        try await withServer({ $0.waitingPerConnection = 4 }) { address, release in
            let client = try SocketClient(SOCK_STREAM, to: address)
            for id in 1...64 as ClosedRange<UInt16> { client.ask([question("hold", id)]) }
            var seen: Set<UInt16> = []
            // Answers make room for questions that were not read yet, so there is more to release each time.
            for _ in 0..<100_000 where seen.count < 64 {
                try release()
                if client.hasInput, let reply = client.answer() { seen.insert(reply.id) }
            }
            #expect(seen.count == 64)
        }
    }
}
