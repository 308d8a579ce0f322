// Who gets what, of several sockets on one address, while one of them leaves.

import Addresses
import Glibc
import Kernel
import Testing

@Suite struct SocketGroupTests {
    private static let addresses = ["127.77.3.1:5400", "[::1]:5401", "0.0.0.0:5402", "[::]:5403"]

    /// A client of `server`; a wildcard is asked at the loopback.
    private func client(_ type: __socket_type, of server: Endpoint) throws -> OwnedDescriptor {
        let family = server.address.family
        let loopback = family == .v4 ? IPAddress(v4: 0x7f00_0001) : IPAddress(v6High: 0, low: 1)
        let target = server.address.isUnspecified ? Endpoint(loopback, port: server.port) : server
        let socket = OwnedDescriptor(
            owning: Glibc.socket(family == .v4 ? AF_INET : AF_INET6, CInt(type.rawValue), 0)
        )
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(socket.raw, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let raw = socket.raw
        try checked("connect \(target)") { SocketAddress.with(target) { connect(raw, $0, $1) } }
        return socket
    }

    /// Sends one octet from each of so many ports.
    private func ask(_ server: Endpoint, count: Int) throws -> [SharedDescriptor] {
        try (0..<count).map { _ in
            let asking = try client(SOCK_DGRAM, of: server)
            let isSent = ProbeSocket.send([7], asking)
            #expect(isSent)
            return SharedDescriptor(asking)
        }
    }

    private struct NoMemory: Error {}

    /// Answers all that is queued; how many that were.
    private func answer(on socket: CInt) throws -> Int {
        let ledger = try DatagramLedger(slots: 64, receiveSize: 16)
        guard var batch = DatagramBatch(ledger: ledger, replySize: 16) else { throw NoMemory() }
        let count = batch.receive(from: socket, waits: false)
        for slot in 0..<count {
            batch.reply(to: slot) { _, _, output in
                output[0] = 8
                return 1
            }
        }
        let sent = batch.send(on: socket)
        #expect(sent == count)
        return count
    }

    @Test(arguments: addresses)
    func whatWasDealtToASocketThatLeavesIsAnsweredAndNothingMoreComes(address: String) throws {
        let server = try #require(Endpoint(address))
        let leaving = try Socket.datagram(listeningOn: server)
        let staying = try Socket.datagram(listeningOn: server)
        let early = try ask(server, count: 32)
        SocketGroup.leave(datagram: leaving.raw)
        let late = try ask(server, count: 24)
        let counts = (try answer(on: leaving.raw), try answer(on: staying.raw))
        #expect((1..<32).contains(counts.0) && counts.0 + counts.1 == 56)
        for socket in early + late {
            var octet: UInt8 = 0
            #expect(recv(socket.raw, &octet, 1, 0) == 1 && octet == 8)
        }
    }

    @Test func aConnectionGoesToTheSecondListenerAndThenTheFirstMayClose() throws {
        let server = try #require(Endpoint("127.77.3.2:5404"))
        let first = try Socket.stream(boundTo: server)
        let second = try Socket.stream(boundTo: server)
        try Socket.listen(stream: first.raw)
        try Socket.listen(stream: second.raw)
        SocketGroup.leaveNewcomersToTheNext(stream: first.raw)
        let accepted = {
            var count = 0
            while true {
                let connection = accept(second.raw, nil, nil)
                guard connection >= 0 else { return count }
                close(connection)
                count += 1
            }
        }
        for _ in 0..<16 { _ = try client(SOCK_STREAM, of: server) }
        #expect(!SocketGroup.hasNewcomer(stream: first.raw) && accepted() == 16)
        SocketGroup.leave(stream: first.raw)
        for _ in 0..<16 { _ = try client(SOCK_STREAM, of: server) }
        #expect(accepted() == 16)

        // The next upgrade begins as this one did.
        let third = try Socket.stream(boundTo: server)
        try Socket.listen(stream: third.raw)
        var sockets: [SharedDescriptor] = []
        for _ in 0..<32 { sockets.append(SharedDescriptor(try client(SOCK_STREAM, of: server))) }
        #expect((1..<32).contains(accepted()))
        sockets.removeAll()
    }

}
