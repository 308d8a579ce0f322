import DNSWire
import TestSupport
import Testing
import Timing

@testable import AnswerCache

/// One shard alone: tags are chosen by the test, so that names collide when it wants them to.
private final class Shelf {
    private var shard: CacheShard
    let budget: ByteBudget
    private var prepared: [String: (packet: [UInt8], answer: AnswerMessage)] = [:]

    init(positive: Int, negative: Int = 4, budget: Int = 1 << 20) {
        shard = CacheShard(positiveCapacity: positive, negativeCapacity: negative)
        self.budget = ByteBudget(limit: budget)
    }

    /// Puts an answer with `mark` as its lifetime in, in place of the old one.
    @discardableResult
    func put(
        _ name: String,
        _ kind: AnswerKind = .success,
        tag: UInt32,
        mark: UInt32 = 30,
        at seconds: Double = 0
    ) -> Bool {
        let answer = prepare(name).answer
        let old = find(name, tag: tag)
        let head = CacheEntry.Head(
            storedAt: Instant.at(seconds).nanoseconds,
            lastHitAt: 0,
            lifetime: mark,
            wireSize: UInt16(answer.wire.count),
            ttlCount: 1,
            type: 1,
            recordClass: 1,
            kind: kind,
            flags: []
        )
        return shard.insert(
            answer,
            head: head,
            tag: tag,
            replacing: old,
            budget: budget,
            now: Instant.at(seconds).nanoseconds,
            staleFor: 0
        )
    }

    private func prepare(_ name: String) -> (packet: [UInt8], answer: AnswerMessage) {
        if let known = prepared[name] { return known }
        let question = Message(asking: "\(name) A")
        let message = Message(answering: question, ["NOERROR", "\(name) 60 A 192.0.2.1"])
        guard let answer = try? AnswerMessage(message.encoded()) else {
            preconditionFailure("no answer: \(name)")
        }
        let new = (packet: question.encoded(), answer: answer)
        prepared[name] = new
        return new
    }

    func find(_ name: String, tag: UInt32) -> Int? {
        var query = Query()
        let packet = prepare(name).packet
        _ = query.read(packet.span, hashing: hashing)
        return shard.find(query, tag: tag)
    }

    /// The mark of an answer.
    func mark(of name: String, tag: UInt32) -> UInt32? {
        find(name, tag: tag).map { shard.entry(at: $0).head.lifetime }
    }

    func visit(_ name: String, tag: UInt32) {
        if let index = find(name, tag: tag) { shard.markVisited(index) }
    }

    var counts: (success: Int, denial: Int) { shard.census.entries }
    var evictions: (success: Int, denial: Int) { (Int(shard.evictions.success), Int(shard.evictions.denial)) }
    var octets: Int { shard.octets }
}

@Suite struct ShardTests {
    @Test func namesWithTheSameHashAreKeptApart() {
        let shelf = Shelf(positive: 100)
        for number in 0..<50 { shelf.put("n\(number).x.", tag: 42, mark: UInt32(number)) }
        for number in 0..<50 { #expect(shelf.mark(of: "n\(number).x.", tag: 42) == UInt32(number)) }
        #expect(shelf.find("other.x.", tag: 42) == nil)
    }

    /// Random puts and looks against a dictionary. Few tags make long chains, which removals must not break;
    /// small capacities make evictions. What is not found must have been evicted, and nothing else.
    @Test(arguments: [(3, 8, 3), (64, 40, 17), (1_000, 64, 64), (1 << 31, 500, 3)] as [(UInt32, Int, Int)])
    func itBehavesAsADictionaryThatForgets(_ tags: UInt32, _ positive: Int, _ negative: Int) {
        var generator = SeededGenerator(seed: UInt64(tags))
        let shelf = Shelf(positive: positive, negative: negative)
        var model: [String: (mark: UInt32, kind: AnswerKind)] = [:]
        let names = (0..<200).map { number in
            (name: "n\(number).x.", tag: UInt32(number) &* 2_654_435_761 % tags)
        }
        for step in 0..<4_000 as Range<UInt32> {
            let (name, tag) = names[Int.random(in: 0..<names.count, using: &generator)]
            guard Int.random(in: 0..<3, using: &generator) > 0 else {
                shelf.visit(name, tag: tag)
                continue
            }
            let kind = AnswerKind.allCases.randomElement(using: &generator) ?? .success
            let before = shelf.evictions.success + shelf.evictions.denial
            let stored = shelf.put(name, kind, tag: tag, mark: step)
            let evicted = shelf.evictions.success + shelf.evictions.denial - before
            model[name] = (step, kind)
            // Only an eviction may take something away, and it takes one.
            var missing: [String] = []
            if step % 50 == 0 || evicted > 0 {
                for (name, tag) in names {
                    let mark = shelf.mark(of: name, tag: tag)
                    if mark == nil, model[name] != nil {
                        missing.append(name)
                    } else if mark != model[name]?.mark {
                        Issue.record("\(name) has \(mark ?? 0), not \(model[name]?.mark ?? 0)")
                    }
                }
            }
            guard stored, missing.count == evicted, !missing.contains(name) else {
                Issue.record("step \(step): \(missing) are gone after \(evicted) evictions")
                return
            }
            for name in missing { model[name] = nil }
            let counts = shelf.counts
            #expect(counts.success == model.values.count { $0.kind == .success })
            #expect(counts.denial == model.values.count { $0.kind != .success })
            #expect(counts.success <= positive && counts.denial <= negative)
            #expect(shelf.budget.used == shelf.octets)
        }
    }
}

@Suite struct EvictionTests {
    /// SIEVE's promise: names that are asked again stay, however many are asked once.
    @Test func aScanDoesNotPushOutWhatIsAskedAgain() {
        let shelf = Shelf(positive: 20)
        for number in 0..<10 { shelf.put("hot\(number).x.", tag: UInt32(number)) }
        for scan in 0..<1_000 as Range<UInt32> {
            shelf.put("cold\(scan).x.", tag: 1_000 + scan)
            for number in 0..<10 { shelf.visit("hot\(number).x.", tag: UInt32(number)) }
        }
        for number in 0..<10 { #expect(shelf.find("hot\(number).x.", tag: UInt32(number)) != nil) }
        #expect(shelf.counts.success == 20)
        #expect(shelf.evictions.success == 990)
    }

    @Test func withoutHitsTheOldestGoesFirst() {
        let shelf = Shelf(positive: 3)
        for (tag, name) in ["a.", "b.", "c.", "d.", "e."].enumerated() { shelf.put(name, tag: UInt32(tag)) }
        #expect(shelf.find("a.", tag: 0) == nil && shelf.find("b.", tag: 1) == nil)
        #expect(shelf.find("c.", tag: 2) != nil && shelf.find("e.", tag: 4) != nil)
    }

    @Test func whenAllWereAskedAgainTheOldestGoes() {
        let shelf = Shelf(positive: 3)
        for (tag, name) in ["a.", "b.", "c."].enumerated() {
            shelf.put(name, tag: UInt32(tag))
            shelf.visit(name, tag: UInt32(tag))
        }
        shelf.put("d.", tag: 3)
        #expect(shelf.find("a.", tag: 0) == nil)
        #expect(
            shelf.find("b.", tag: 1) != nil && shelf.find("c.", tag: 2) != nil
                && shelf.find("d.", tag: 3) != nil
        )
    }

    /// However often it was asked, what has expired is of no use.
    @Test func theExpiredIsNotSpared() {
        let shelf = Shelf(positive: 3)
        for (tag, name) in ["a.", "b.", "c."].enumerated() {
            shelf.put(name, tag: UInt32(tag), mark: name == "b." ? 5 : 100)
            shelf.visit(name, tag: UInt32(tag))
        }
        shelf.put("d.", tag: 3, at: 6)
        #expect(shelf.find("b.", tag: 1) == nil)
        #expect(shelf.find("a.", tag: 0) != nil && shelf.find("c.", tag: 2) != nil)
    }

    @Test func anAnswerIsNeverEvictedForADenialNorTheOtherWayRound() {
        let shelf = Shelf(positive: 3, negative: 2)
        for (tag, name) in ["a.", "b.", "c."].enumerated() { shelf.put(name, tag: UInt32(tag)) }
        for tag in 10..<200 as Range<UInt32> {
            shelf.put("gone\(tag).", tag.isMultiple(of: 2) ? .denial : .serverError, tag: tag)
        }
        #expect(shelf.counts == (success: 3, denial: 2))
        for tag in 200..<300 as Range<UInt32> { shelf.put("n\(tag).", tag: tag) }
        #expect(shelf.counts == (success: 3, denial: 2))
        #expect(shelf.find("gone199.", tag: 199) != nil)
    }

    // MARK: The byte budget

    @Test func denialsMakeRoomFirstAndAnswersOnlyForAnswers() {
        // Head 32, one place 2, header and question 12 + 3 + 4, one record 16: 69 octets for a name of one letter,
        // for which malloc takes 80. The table grows by eight slots of 24 and fits into its first buckets.
        let size = 80
        let table = 8 * 24
        let shelf = Shelf(positive: 100, negative: 100, budget: 3 * size + table)
        shelf.put("a.", tag: 0)
        shelf.put("b.", .denial, tag: 1)
        shelf.put("c.", .denial, tag: 2)
        #expect(shelf.budget.used == 3 * size + table)
        #expect(shelf.put("d.", tag: 3))
        #expect(shelf.find("b.", tag: 1) == nil && shelf.find("a.", tag: 0) != nil)
        #expect(shelf.put("e.", tag: 4))
        #expect(shelf.counts == (success: 3, denial: 0))
        #expect(!shelf.put("f.", .denial, tag: 5))
        #expect(shelf.counts == (success: 3, denial: 0))
        #expect(shelf.put("g.", tag: 6))
        #expect(shelf.find("a.", tag: 0) == nil)
        #expect(shelf.budget.used == 3 * size + table)
    }

    @Test func whatIsLargerThanTheBudgetIsNotKept() {
        let shelf = Shelf(positive: 100, budget: 50)
        #expect(!shelf.put("a.", tag: 0))
        #expect(shelf.budget.used == 0)
    }
}
