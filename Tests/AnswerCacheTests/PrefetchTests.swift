import AnswerCache
import Testing
import Timing

/// Refreshing popular answers before they expire (`prefetch 3 60s 10%` unless said otherwise).
@Suite struct PrefetchTests {
    private let question = "www.example.org. A"

    private func cupboard(
        hits: UInt16 = 3,
        percentage: UInt32 = 10,
        lifetime: UInt32 = 100
    ) throws -> Cupboard {
        let cupboard = Cupboard {
            $0.prefetch = CacheSettings.Prefetch(hits: hits, pause: .seconds(60), percentage: percentage)
        }
        try cupboard.put(question, for: lifetime)
        return cupboard
    }

    /// Whether a hit at each of these seconds asked for a refresh.
    private func refreshes(_ cupboard: Cupboard, at seconds: [Double]) -> [Bool] {
        seconds.map { cupboard.look(question, at: $0).hasSuffix("refresh") }
    }

    @Test func theLastTenthOfTheLifetimeOfAPopularAnswer() throws {
        #expect(refreshes(try cupboard(), at: [50, 60, 70, 84.9, 90]) == [false, false, false, false, true])
    }

    /// Nodes that stored an answer in the same second do not refresh it in the same second.
    @Test func nodesDoNotRefreshInStep() throws {
        let times = try (0..<200).map { node in
            let cupboard = try cupboard(hits: 1)
            let start = Double(node) / 1_000
            try cupboard.put(question, for: 100, at: start)
            return try #require(
                stride(from: 84.0, through: 90.1, by: 0.1).first {
                    cupboard.look(question, at: start + $0).hasSuffix("refresh")
                }
            )
        }
        #expect(times.allSatisfy { $0 >= 84.9 && $0 <= 90.1 })
        // Even over the ten halves of the five seconds.
        let counts = Dictionary(grouping: times) { Int(($0 - 85) * 2) }.mapValues(\.count)
        #expect(counts.values.allSatisfy { $0 < 40 } && counts.count >= 10)
    }

    @Test func tooFewHits() throws {
        #expect(refreshes(try cupboard(), at: [90, 91, 92]) == [false, false, true])
        #expect(refreshes(try cupboard(hits: 1), at: [90]) == [true])
    }

    @Test func aPauseStartsTheCountAnew() throws {
        #expect(refreshes(try cupboard(), at: [1, 2, 63, 91, 92]) == [false, false, false, false, true])
        // A gap of exactly 60 seconds is no pause.
        #expect(refreshes(try cupboard(), at: [1, 2, 62, 91]) == [false, false, false, true])
    }

    /// The share is rounded up: ten percent of five seconds is one.
    @Test(arguments: [(10, 5, 4), (10, 100, 90), (90, 100, 10), (50, 3, 1)] as [(UInt32, UInt32, Double)])
    func theShareOfTheLifetime(_ percentage: UInt32, _ lifetime: UInt32, _ due: Double) throws {
        let cupboard = try cupboard(hits: 1, percentage: percentage, lifetime: lifetime)
        let early = min(Double(lifetime) - due, due) / 2
        #expect(refreshes(cupboard, at: [due - early - 0.1, due]) == [false, true])
    }

    @Test func onlyOneIsToldToRefresh() throws {
        let cupboard = try cupboard(hits: 1)
        #expect(refreshes(cupboard, at: [90, 90, 91, 92]) == [true, false, false, false])
        withQuery(question) { query, _ in cupboard.cache.refreshFailed(query, at: .at(93)) }
        #expect(refreshes(cupboard, at: [93, 97, 98, 98]) == [false, false, true, false])
    }

    @Test func popularityOutlivesTheRefresh() throws {
        let cupboard = try cupboard()
        #expect(refreshes(cupboard, at: [80, 85, 90]) == [false, false, true])
        try cupboard.put(question, for: 100, at: 91)
        #expect(cupboard.look(question, at: 130) == "NOERROR 61 192.0.2.1")
        #expect(refreshes(cupboard, at: [181]) == [true])
    }

    @Test func looksThatDoNotCountAreNotPopularity() throws {
        let cupboard = try cupboard(hits: 1)
        #expect(cupboard.look(question, at: 95) { $0.countsAsHit = false } == "NOERROR 5 192.0.2.1")
        #expect(refreshes(cupboard, at: [95]) == [true])
    }

    @Test func failuresAreNotRefreshed() throws {
        let cupboard = try cupboard(hits: 1)
        try cupboard.put("sick.example.org. A", .serverError, for: 5)
        #expect(cupboard.look("sick.example.org. A", at: 4) == "SERVFAIL")
    }
}
