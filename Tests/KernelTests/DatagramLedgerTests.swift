// What a process that is killed has read and not answered. "Killed" is here: its ledger is let go of with everything
// in it, and somebody else opens the same file.

import Addresses
import Glibc
import Kernel
import Testing

@Suite struct DatagramLedgerTests {
    private let file: SharedDescriptor
    private let server: SharedDescriptor
    private let client: SharedDescriptor

    init() throws {
        file = SharedDescriptor(try MemoryFile.make(name: "test", []))
        server = SharedDescriptor(try Socket.datagram(listeningOn: #require(Endpoint("0.0.0.0:0"))))
        let port = try #require(Socket.localEndpoint(of: server.raw)).port
        client = SharedDescriptor(
            OwnedDescriptor(owning: Glibc.socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0))
        )
        let raw = client.raw
        // Not the address that the kernel would take for an answer by itself.
        try checked("connect") {
            SocketAddress.with(Endpoint(IPAddress(v4: 0x7f4d_0509), port: port)) { connect(raw, $0, $1) }
        }
    }

    private func newBatch() throws -> DatagramBatch {
        let ledger = try DatagramLedger(slots: 4, receiveSize: 600, file: file)
        guard let batch = DatagramBatch(ledger: ledger, replySize: 16) else { throw NoMemory() }
        return batch
    }

    private struct NoMemory: Error {}

    private func ask(_ questions: [UInt8]...) {
        for question in questions {
            let sent = send(client.raw, question, question.count, 0)
            #expect(sent == question.count)
        }
    }

    /// Answers each of `count` datagrams with its first octet; these octets.
    private func answer(_ batch: inout DatagramBatch, count: Int) -> [UInt8] {
        var first: [UInt8] = []
        for slot in 0..<count {
            batch.reply(to: slot) { packet, _, output in
                if packet.isEmpty { return 0 }
                first.append(packet[0])
                output[0] = packet[0]
                return 1
            }
        }
        batch.send(on: server.raw)
        return first
    }

    /// What the client has been told.
    private var heard: [UInt8] {
        var heard: [UInt8] = []
        var octet: UInt8 = 0
        while recv(client.raw, &octet, 1, CInt(MSG_DONTWAIT)) == 1 { heard.append(octet) }
        return heard
    }

    @Test func whatWasReadIsOwed() throws {
        ask([1, 0], [2, 0, 0])
        do {
            var killed = try newBatch()
            #expect(killed.receive(from: server.raw, waits: false) == 2)
        }
        var next = try newBatch()
        #expect(next.takeOver() == 2)
        #expect(next.octets(of: 1) == [2, 0, 0])
        #expect(answer(&next, count: 2) == [1, 2])
        #expect(heard == [1, 2], "also from the address that was asked")
        #expect(next.takeOver() == 0)
    }

    @Test func whatWasTakenOverIsOwedUntilItIsAnswered() throws {
        ask([1], [2])
        do {
            var killed = try newBatch()
            _ = killed.receive(from: server.raw, waits: false)
        }
        do {
            var killedAgain = try newBatch()
            #expect(killedAgain.takeOver() == 2)
        }
        var next = try newBatch()
        #expect(answer(&next, count: next.takeOver()) == [1, 2])
        #expect(heard == [1, 2])
    }

    @Test func whatWasAnsweredIsNotOwed() throws {
        ask([1], [2], [3])
        do {
            var killed = try newBatch()
            _ = answer(&killed, count: killed.receive(from: server.raw, waits: false))
            #expect(killed.receive(from: server.raw, waits: false) == 0)
        }
        var next = try newBatch()
        #expect(next.takeOver() == 0)
    }

    @Test func whatWaitsForUpstreamIsOwedUntilItIsSettled() throws {
        ask([1], [2], [3])
        do {
            var killed = try newBatch()
            _ = killed.receive(from: server.raw, waits: false)
            let places = (0..<3).map { killed.ledger.keep(slot: $0) }
            #expect(places == [0, 1, 2])
            killed.ledger.settle(place: 1)
            #expect(killed.receive(from: server.raw, waits: false) == 0)
        }
        var next = try newBatch()
        #expect(answer(&next, count: next.takeOver()) == [1, 3])
        #expect(heard == [1, 3])
    }

    @Test func moreThanABatchIsTakenOverInSeveral() throws {
        do {
            var killed = try newBatch()
            for number in 0..<10 as Range<UInt8> {
                ask([number])
                _ = killed.receive(from: server.raw, waits: false)
                _ = killed.ledger.keep(slot: 0)
            }
        }
        var next = try newBatch()
        // The last one twice: it was in the batch still, and two answers harm nobody.
        #expect(answer(&next, count: next.takeOver()) == [9])
        #expect(answer(&next, count: next.takeOver()) == [0, 1, 2, 3])
        #expect(answer(&next, count: next.takeOver()) == [4, 5, 6, 7])
        #expect(answer(&next, count: next.takeOver()) == [8, 9])
        #expect(next.takeOver() == 0)
    }

    @Test func placesAreUsedAgainAndTheirNumberHasAnEnd() throws {
        ask([1])
        var batch = try newBatch()
        _ = batch.receive(from: server.raw, waits: false)
        var kept = 0
        while batch.ledger.keep(slot: 0) != nil { kept += 1 }
        #expect(kept == 256)
        batch.ledger.settle(place: 77)
        #expect(batch.ledger.keep(slot: 0) == 77)
    }

    @Test func aLongQuestionIsNotKept() throws {
        ask([UInt8](repeating: 1, count: 464), [UInt8](repeating: 1, count: 465))
        var batch = try newBatch()
        _ = batch.receive(from: server.raw, waits: false)
        #expect(batch.ledger.keep(slot: 0) == 0)
        #expect(batch.ledger.keep(slot: 1) == nil)
    }

    @Test func anEmptyDatagramHidesNothing() throws {
        ask([1], [], [3])
        do {
            var killed = try newBatch()
            #expect(killed.receive(from: server.raw, waits: false) == 3)
        }
        var next = try newBatch()
        #expect(answer(&next, count: next.takeOver()) == [1, 3])
    }

    @Test func anEmptiedFileOwesNothing() throws {
        ask([1])
        do {
            var killed = try newBatch()
            _ = killed.receive(from: server.raw, waits: false)
            _ = killed.ledger.keep(slot: 0)
        }
        file.empty()
        var next = try newBatch()
        #expect(next.takeOver() == 0)
    }

    /// A worker that somebody has taken over writes what it likes.
    @Test func whateverStandsInTheFileIsRefusedOrHarmless() throws {
        do { _ = try newBatch() }
        let size = try file.readMemoryFile().count
        var random = SystemRandomNumberGenerator()
        for filling in [0xff, 0x01, 0x7f, nil] as [UInt8?] {
            file.empty()
            try file.writeMemoryFile((0..<size).map { _ in filling ?? .random(in: 0...3, using: &random) })
            var next = try newBatch()
            var taken = 0
            while true {
                let count = next.takeOver()
                if count == 0 { break }
                taken += answer(&next, count: count).count
            }
            #expect(taken <= 4 + 256)
        }
    }
}
