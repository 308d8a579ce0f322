// What the micro-benchmarks work on: blocks, names and answers, the same in every run.

import Addresses
import AnswerCache
import DNSWire
import Resolution
import Telemetry
import TestSupport
import Timing

/// A zone table with a warm cache, and the questions to ask it.
struct World: Sendable {
    static let hashing = NameHash(key: 0x0123_4567_89ab_cdef, multiplier: 0x9e37_79b9_7f4a_7c15)
    static let start = Instant(nanoseconds: 1_000_000_000_000)
    static let client = Endpoint(IPAddress(v4: 0xc000_0264), port: 41_231)

    let table: ZoneTable
    let cache: ShardedCache
    /// Questions in an order that no cache of the processor guesses.
    let questions: [[UInt8]]

    /// `entries` answers in the cache of the root block, beside `blocks` - 1 blocks for other zones. At most
    /// `hot` names are asked.
    init(entries: Int, blocks: Int = 4, hot: Int = 1_000) {
        var settings = CacheSettings()
        settings.success = CacheSettings.Kind(capacity: 2 * entries, maximumTTL: 3600, minimumTTL: 5)
        let cache = ShardedCache(settings: settings, budget: ByteBudget(limit: 1 << 30))
        self.cache = cache
        var zones: [ZoneTable.Zone] = []
        for index in 1..<max(blocks, 2) {
            zones.append(Self.zone("zone\(index).example.", ServerBlock(index: index, logsErrors: true)))
        }
        let forward = ForwardRoute(from: .root, exchange: 0)
        zones.append(Self.zone(".", ServerBlock(index: 0, cache: cache, forwards: [forward])))
        table = ZoneTable(server: "dns://192.0.2.53:53", zones: zones, dropped: Self.counters("dropped"))
        for number in 0..<entries { Self.insert(number, into: cache) }
        let step = max(1, entries / hot)
        questions = (0..<min(hot, entries)).map { Self.question(($0 &* 7919) % (entries / step) * step) }
    }

    private static func zone(_ name: String, _ block: ServerBlock) -> ZoneTable.Zone {
        guard let domain = DomainName(name) else { preconditionFailure("not a name: \(name)") }
        return ZoneTable.Zone(name: domain, block: block, counters: counters(name), hashing: hashing)
    }

    private static func counters(_ zone: String) -> ZoneCounters {
        ZoneCounters(server: "dns://192.0.2.53:53", zone: zone, cacheZones: zone, threads: 2)
    }

    /// A thread's pipeline; two at once need numbers of their own.
    static func pipeline(thread: Int = 0) -> QueryPipeline {
        QueryPipeline(
            hashing: hashing,
            thread: thread,
            rejections: RejectionCounters(),
            identity: ProbeIdentity(token: "benchmark"),
            log: QueryLog { _ in },
            now: { start }
        )
    }
}

// MARK: - Messages

extension World {
    private static let exampleQuestion = Message(asking: "n00000000.svc.example.org. A edns 1232")
    private static let exampleAnswer = Message(
        answering: exampleQuestion,
        ["NOERROR ra", "n00000000.svc.example.org. 3600 A 192.0.2.1"]
    ).encoded()
    private static let exampleOctets = exampleQuestion.encoded()

    /// The digits of the first label, behind the header, the label's length and its first letter.
    private static func number(_ octets: [UInt8], _ number: Int) -> [UInt8] {
        var octets = octets
        var rest = number
        for place in stride(from: Limits.headerSize + 9, to: Limits.headerSize + 1, by: -1) {
            octets[place] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
        return octets
    }

    static func question(_ index: Int) -> [UInt8] { number(exampleOctets, index) }

    static func answer(_ index: Int) -> [UInt8] { number(exampleAnswer, index) }

    static func insert(_ index: Int, into cache: ShardedCache) {
        var query = Query()
        let packet = question(index)
        guard query.read(packet.span, hashing: hashing) == .accepted,
            let message = try? AnswerMessage(answer(index))
        else { preconditionFailure("not a question, or not an answer") }
        cache.insert(message, for: query, as: .success, lifetime: 3600, at: start)
    }
}
