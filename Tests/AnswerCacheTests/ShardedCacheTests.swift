import AnswerCache
import DNSWire
import Kernel
import Synchronization
import TestSupport
import Testing
import Timing

@Suite struct ShardedCacheTests {
    @Test func capacityIsBoundedAndNeverBelowCoreDNSSmallest() throws {
        let cupboard = Cupboard { $0.success.capacity = 10 }
        for number in 0..<5_000 { try cupboard.put("n\(number).example.org. A") }
        let census = cupboard.cache.census()
        #expect(census.entries.success == ShardedCache.smallestCapacity)
        #expect(census.evictions.success == 5_000 - UInt64(ShardedCache.smallestCapacity))
    }

    @Test func theBudgetIsGivenBackAtTheEnd() throws {
        let budget = ByteBudget(limit: 1 << 20)
        var cache: ShardedCache? = ShardedCache(settings: CacheSettings(), budget: budget)
        let answer = try answer(to: "www.example.org. A", ["NOERROR", "www.example.org. 60 A 192.0.2.1"])
        withQuery("www.example.org. A") { query, _ in
            _ = cache?.insert(answer, for: query, as: .success, lifetime: 60, at: .at(0))
        }
        #expect(budget.used > 0)
        #expect(budget.used == cache?.census().octets)
        cache = nil
        #expect(budget.used == 0)
    }

    @Test func theBudgetIsSharedAndNeverExceeded() throws {
        let cupboard = Cupboard(budget: 20_000)
        for number in 0..<2_000 {
            try cupboard.put("n\(number).example.org. A", number.isMultiple(of: 3) ? .denial : .success)
            #expect(cupboard.budget.used <= 20_000)
        }
        #expect(cupboard.cache.census().octets == cupboard.budget.used)
        #expect(cupboard.budget.used > 15_000)
    }

    /// Threads insert, look and count at once; the budget is tight, so that they also evict. Every reply must be
    /// whole and about the name that was asked, and the books must balance at the end.
    @Test func manyThreadsHammerOneCache() throws {
        let budget = ByteBudget(limit: 100_000)
        let cache = ShardedCache(settings: CacheSettings(), budget: budget)
        let mistakes = Mutex<[String]>([])
        let hits = Atomic<Int>(0)
        let prepared = try (0..<400).map { number in
            let question = "n\(number).example.org. A"
            let lines = ["NOERROR"] + (0...(number % 30)).map { "x\(number). 60 A 192.0.2.\($0)" }
            return (question: question, answer: try answer(to: question, lines), lines: lines.count - 1)
        }
        let threads = try (0..<6).map { thread in
            try Thread(name: "hammer-\(thread)") {
                var generator = SeededGenerator(seed: UInt64(thread))
                var buffer = [UInt8](repeating: 0, count: 1232)
                for round in 0..<8_000 {
                    let row = prepared[Int.random(in: 0..<prepared.count, using: &generator)]
                    let size = withQuery(row.question) { query, packet -> Int? in
                        if Int.random(in: 0..<3, using: &generator) == 0 {
                            _ = cache.insert(row.answer, for: query, as: .success, lifetime: 60, at: .at(0))
                        }
                        var output = buffer.mutableSpan
                        let found = cache.lookup(
                            query,
                            packet: packet,
                            options: LookupOptions(limit: 1232),
                            at: .at(1),
                            into: &output
                        )
                        guard case .hit(let hit) = found else { return nil }
                        return hit.size
                    }
                    if budget.used > budget.limit { mistakes.withLock { $0.append("over the budget") } }
                    if round % 1_000 == 0 { _ = cache.census() }
                    guard let size else { continue }
                    hits.add(1, ordering: .relaxed)
                    guard round % 16 == 0 else { continue }
                    let reply = Message(Array(buffer[..<size]))
                    let isRight = reply?.answers.count == row.lines && reply?.answers.first?.timeToLive == 59
                    if !isRight { mistakes.withLock { $0.append("a wrong reply to \(row.question)") } }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(mistakes.withLock { $0 }.isEmpty)
        #expect(hits.load(ordering: .relaxed) > 1_000)
        #expect(cache.census().octets == budget.used)
    }
}
