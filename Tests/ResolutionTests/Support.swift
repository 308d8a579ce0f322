// Short words for the tests of this folder.

import Addresses
import AnswerCache
import DNSWire
import Resolution
import Synchronization
import TestSupport
import Testing
import Timing

/// The key of every test: hashes differ between programs, not between tests.
let hashing = NameHash(key: 0x0123_4567_89ab_cdef, multiplier: 0x9e37_79b9_7f4a_7c15)

let client = Endpoint(IPAddress(v4: 0xc000_0264), port: 41_231)

extension Instant {
    /// Milliseconds after the beginning of a test.
    static func at(_ milliseconds: UInt64) -> Instant {
        Instant(nanoseconds: (1_000_000 + milliseconds) * 1_000_000)
    }
}

func counters(_ zone: String = "example.org.") -> ZoneCounters {
    ZoneCounters(server: "dns://192.0.2.53:53", zone: zone, cacheZones: zone, threads: 2)
}

/// A table of zones, each with its block.
func table(_ zones: [(String, ServerBlock)]) throws -> ZoneTable {
    ZoneTable(
        server: "dns://192.0.2.53:53",
        zones: try zones.map { name, block in
            ZoneTable.Zone(
                name: try #require(DomainName(name)),
                block: block,
                counters: counters(name),
                hashing: hashing
            )
        },
        dropped: counters("dropped")
    )
}

/// Lines that somebody wrote.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    func add(_ line: String) { lines.withLock { $0.append(line) } }

    /// What was written since the last call.
    func take() -> [String] {
        lines.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }
}

/// Replies that a client got; may do something of its own when one comes.
final class Client: ReplyPath {
    let transport: Transport
    var client: Endpoint? { ResolutionTests.client }
    private let replies = Mutex<[[UInt8]]>([])
    private nonisolated(unsafe) let onReply: () -> Void

    init(_ transport: Transport = .udp, onReply: @escaping () -> Void = {}) {
        self.transport = transport
        self.onReply = onReply
    }

    func deliver(_ reply: Span<UInt8>) {
        let octets = reply.array(0..<reply.count)
        replies.withLock { $0.append(octets) }
        onReply()
    }

    /// What arrived, in words: the code, then the records.
    var received: [[String]] {
        replies.withLock { $0 }.map { octets in
            guard let message = Message(octets) else { return ["malformed"] }
            return [message.code.description] + message.lines
        }
    }
}

/// An upstream that answers when it is told to.
final class HeldExchange: Exchange {
    private(set) var asked: [UpstreamQuery] = []
    private var waiting: [(UpstreamOutcome) -> Void] = []
    private(set) var reachability: Reachability?

    func report(to reachability: Reachability?) { self.reachability = reachability }

    func ask(_ query: UpstreamQuery, completion: @escaping (UpstreamOutcome) -> Void) {
        asked.append(query)
        waiting.append(completion)
    }

    /// Answers the oldest question with these lines.
    func answer(_ lines: String...) throws {
        let message = try #require(asked.last?.message)
        let question = try #require(Message(message))
        let server = Endpoint(IPAddress(v4: 0xc000_0201), port: 53)
        waiting.removeFirst()(.answered(Message(answering: question, lines).encoded(), from: server))
    }

    func fail(_ description: String = "i/o timeout", _ code: ResponseCode = .serverFailure) {
        let failure = UpstreamFailure(
            responseCode: code,
            extendedError: .noReachableAuthority,
            description: description
        )
        waiting.removeFirst()(.failed(failure))
    }

    /// Sends octets that are no answer.
    func babble(_ octets: [UInt8]) {
        waiting.removeFirst()(.answered(octets, from: Endpoint(IPAddress(v4: 0xc000_0201), port: 53)))
    }
}
