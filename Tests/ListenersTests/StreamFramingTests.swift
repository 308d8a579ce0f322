import Glibc
import Kernel
import Listeners
import NIOCore
import TestSupport
import Testing
import Timing

/// How a stream is cut into messages, and what becomes of one that is not what its lengths say.
@Suite struct StreamFramingTests {
    @Test func aQuestionMayComeOctetByOctet() async throws {
        try await withServer { address, _ in
            let client = try SocketClient(SOCK_STREAM, to: address)
            let packet = question("www", 5).encoded()
            for octet in [0, UInt8(packet.count)] + packet { client.send([octet]) }
            #expect(client.answer()?.id == 5)
        }
    }

    /// 5.5: length zero, or shorter than a header
    /// 5.5: garbage and responses
    /// They are passed over; the stream goes on.
    @Test func rubbishDoesNotEndTheConnection() async throws {
        try await withServer { address, _ in
            let client = try SocketClient(SOCK_STREAM, to: address)
            client.send(hex("00 00  00 03 01 02 03  00 0c 2a 17 80 00 00 00 00 00 00 00 00 00"))
            client.ask([question("www", 6)])
            #expect(client.answer()?.id == 6)
        }
    }

    /// 5.5: length larger than what arrives
    @Test func whatIsPromisedAndDoesNotComeIsNotWaitedFor() async throws {
        let limits: @Sendable (inout StreamLimits) -> Void = {
            $0.firstQuery = .milliseconds(500)
            $0.idle = .milliseconds(50)
        }
        try await withServer(limits) { address, _ in
            let first = try SocketClient(SOCK_STREAM, to: address)
            first.send(hex("00 20 2a 17"))
            let second = try SocketClient(SOCK_STREAM, to: address)
            second.ask([probe(1)])
            second.send(hex("00 20 2a 17"))
            #expect(second.answer()?.id == 1)
            #expect(second.isAtEnd)
            #expect(first.isAtEnd)
        }
    }

    /// 5.5: slow senders
    /// Octets buy no time: the first message has to be complete.
    @Test func whoSendsOctetByOctetIsNotWaitedForForEver() async throws {
        try await withServer({ $0.firstQuery = .milliseconds(100) }) { address, _ in
            let client = try SocketClient(SOCK_STREAM, to: address)
            client.send(hex("ff ff"))
            var sent = 0
            while !client.hasEnded, sent < 60_000 {
                client.send([0])
                sent += 1
                Thread.pause(.milliseconds(1))
            }
            #expect(client.hasEnded)
        }
    }

    /// 5.5: length shorter than the message
    /// The first part is no message; of the rest, `00 00` is a length, then `01 00`, whose message never comes.
    @Test func whatIsLeftOfAMessageIsTheNextLength() async throws {
        try await withServer({ $0.idle = .milliseconds(50) }) { address, _ in
            let client = try SocketClient(SOCK_STREAM, to: address)
            client.send(hex("00 0f 2a 17 01 00 00 01 00 00 00 00 00 00 01 'x' 00  00 00  01 00 01"))
            let answer = client.answer()
            #expect(answer?.id == 0x2a17 && answer?.flags == 0x8101)
            #expect(client.isAtEnd)
        }
    }
}
