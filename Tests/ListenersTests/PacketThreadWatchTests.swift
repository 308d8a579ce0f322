// Who stands still is told from who has nothing to do, and from who was held up together with everybody.

import Addresses
import Glibc
import Kernel
import NIOCore
import Resolution
import TestSupport
import Testing
import Timing

@testable import Listeners

@Suite struct StandstillDetectorTests {
    /// What a row of looks says: `progress` and whether questions wait, then the verdict of each.
    private func verdicts(_ looks: (progress: Int, hasWaiting: Bool)...) -> [Bool] {
        var detector = StandstillDetector()
        return looks.map { detector.look(progress: $0.progress, hasWaiting: $0.hasWaiting) }
    }

    @Test func threeLooksInARowWithoutProgressAreCertain() {
        let seen = verdicts((7, true), (7, true), (7, true), (7, true), (7, true))
        #expect(seen == [false, false, false, true, true], "the first look only learns where the thread is")
    }

    @Test func whoHasNothingToDoMayRest() {
        #expect(!verdicts((7, false), (7, false), (7, false), (7, false), (7, false)).contains(true))
    }

    @Test func whoTakesSomethingIsBusyAndNoMore() {
        #expect(!verdicts((1, true), (2, true), (3, true), (4, true), (5, true)).contains(true))
    }

    /// SIGSTOP, or a throttled control group: the first look after it finds what the last one before it found.
    @Test func aPauseOfTheWholeProcessIsForgiven() {
        #expect(!verdicts((7, true), (7, true), (7, true), (8, true), (8, false)).contains(true))
    }

    @Test func anEmptySocketBeginsTheCountAnew() {
        #expect(!verdicts((7, true), (7, true), (7, true), (7, false), (7, true), (7, true)).contains(true))
    }
}

@Suite struct PacketThreadWatchTests {
    @Test func theThreadThatStandsStillIsNamed() async throws {
        try await withLoop { loop, desk in
            let standstill = Standstill()
            let socket = SharedDescriptor(try Socket.datagram(listeningOn: loopback))
            let address = try #require(Socket.localEndpoint(of: socket.raw))
            let thread = try PacketThread.start(
                DatagramListener(socket: socket, family: .v4, table: table(serving: false)),
                number: 1,
                // Asked for when a question is refused.
                pipeline: pipeline {
                    standstill.wait()
                    return MonotonicClock.now()
                },
                misses: try MissQueue(eventLoop: loop) { desk.accept($0) }
            )
            defer {
                standstill.end()
                thread.stop()
            }
            let watch = PacketThreadWatch()
            watch.watch([thread])
            #expect((0..<5).compactMap { _ in watch.look() }.isEmpty, "it has nothing to do")

            let client = try SocketClient(SOCK_DGRAM, to: address)
            client.send(question("first", 1).encoded())
            while Socket.hasWaiting(datagram: socket.raw) { sched_yield() }
            client.send(question("second", 2).encoded())
            #expect((0..<2).compactMap { _ in watch.look() }.isEmpty)
            #expect(watch.look() == "dns-udp-1 of \(address)")

            standstill.end()
            #expect(Message(client.receive())?.id == 1)
            #expect(Message(client.receive())?.id == 2)
            #expect(watch.look() == nil, "it goes on")
        }
    }
}
