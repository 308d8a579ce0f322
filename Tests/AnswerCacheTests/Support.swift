// Short words for the tests of this folder.

import AnswerCache
import DNSWire
import TestSupport
import Testing
import Timing

/// The key of every test: hashes differ between programs, not between tests.
let hashing = NameHash(key: 0x0123_4567_89ab_cdef, multiplier: 0x9e37_79b9_7f4a_7c15)

extension Instant {
    /// Seconds after the beginning of a test.
    static func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: 1_000_000_000_000 + UInt64(seconds * 1e9))
    }
}

/// Lends the query that `question` asks.
func withQuery<Result>(_ question: String, _ body: (borrowing Query, Span<UInt8>) -> Result) -> Result {
    var query = Query()
    let packet = Message(asking: question).encoded()
    let acceptance = query.read(packet.span, hashing: hashing)
    precondition(acceptance == .accepted)
    return body(query, packet.span)
}

/// The answer to `question` with these lines.
func answer(to question: String, _ lines: [String]) throws -> AnswerMessage {
    try AnswerMessage(Message(answering: Message(asking: question), lines).encoded())
}

/// A cache with a clock and words for what comes out of it.
final class Cupboard {
    let cache: ShardedCache
    let budget: ByteBudget

    init(budget: Int = 1 << 20, _ adjust: (inout CacheSettings) -> Void = { _ in }) {
        var settings = CacheSettings()
        adjust(&settings)
        self.budget = ByteBudget(limit: budget)
        cache = ShardedCache(settings: settings, budget: self.budget)
    }

    /// Puts an answer in; the kind decides about code and records.
    @discardableResult
    func put(
        _ question: String,
        _ kind: AnswerKind = .success,
        for lifetime: UInt32 = 30,
        at seconds: Double = 0,
        data: String = "192.0.2.1"
    ) throws -> ShardedCache.Insertion {
        let name = question.prefix { $0 != " " }
        let lines =
            switch kind {
            case .success: ["NOERROR ra", "\(name) 300 A \(data)"]
            case .denial: ["NXDOMAIN ra", "authority . 300 SOA a. b. 1 2 3 4 5"]
            case .serverError: ["SERVFAIL ra"]
            }
        let answer = try answer(to: question, lines)
        return withQuery(question) { query, _ in
            cache.insert(answer, for: query, as: kind, lifetime: lifetime, at: .at(seconds))
        }
    }

    /// `NOERROR 18 192.0.2.1`, with `stale` and `refresh` behind it where that is so; `miss`; `verify`.
    func look(
        _ question: String,
        at seconds: Double = 0,
        _ adjust: (inout LookupOptions) -> Void = { _ in }
    ) -> String {
        var options = LookupOptions(limit: 1232)
        adjust(&options)
        var buffer = [UInt8](repeating: 0, count: 1232)
        let found = withQuery(question) { query, packet in
            var output = buffer.mutableSpan
            return cache.lookup(query, packet: packet, options: options, at: .at(seconds), into: &output)
        }
        switch found {
        case .miss: return "miss"
        case .staleIfUpstreamFails: return "verify"
        case .hit(let hit):
            guard let message = Message(Array(buffer[..<hit.size])) else { return "malformed" }
            let record = message.answers.first ?? message.authority.first
            var words = [message.code.description]
            if let record { words.append(String(record.timeToLive)) }
            if let address = message.answers.first { words.append(address.data) }
            if hit.isStale { words.append("stale") }
            if hit.wantsRefresh { words.append("refresh") }
            return words.joined(separator: " ")
        }
    }
}
