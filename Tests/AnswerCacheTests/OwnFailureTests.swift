import AnswerCache
import DNSWire
import TestSupport
import Testing
import Timing

/// What is remembered of questions that nobody could be asked (RFC 9520).
@Suite struct OwnFailureTests {
    private let question = "www.example.org. A"

    private func fail(_ cupboard: Cupboard, at seconds: Double, after effort: Interval = .milliseconds(4_500))
    {
        withQuery(question) { query, _ in
            _ = cupboard.cache.insertFailure(for: query, after: effort, at: .at(seconds))
        }
    }

    @Test func theTimeDoublesWhileTryingIsSlow() {
        let cupboard = Cupboard()
        var now = 0.0
        for lifetime in [1.0, 2, 4, 5, 5] {
            fail(cupboard, at: now)
            #expect(cupboard.look(question, at: now + lifetime - 0.1) == "SERVFAIL")
            #expect(cupboard.look(question, at: now + lifetime) == "miss")
            now += lifetime + 4.5
        }
        // Whoever has had peace for a while begins anew.
        fail(cupboard, at: now + 11)
        #expect(cupboard.look(question, at: now + 12) == "miss")
    }

    @Test func whatIsFoundOutAtOnceIsTriedEverySecond() {
        let cupboard = Cupboard()
        for round in 0..<5 {
            fail(cupboard, at: Double(round), after: .milliseconds(80))
            #expect(cupboard.look(question, at: Double(round) + 0.9) == "SERVFAIL")
            #expect(cupboard.look(question, at: Double(round) + 1) == "miss")
        }
    }

    @Test func servfailBoundsItAndZeroTurnsItOff() {
        let two = Cupboard { $0.serverFailureTTL = 2 }
        for now in [0.0, 5.5, 12] { fail(two, at: now) }
        #expect(two.look(question, at: 13.9) == "SERVFAIL")
        #expect(two.look(question, at: 14) == "miss")
        let never = Cupboard { $0.serverFailureTTL = 0 }
        fail(never, at: 0)
        #expect(never.look(question, at: 0) == "miss")
    }

    @Test func neverInPlaceOfAnAnswer() throws {
        let cupboard = Cupboard()
        try cupboard.put(question, for: 30)
        fail(cupboard, at: 29)
        #expect(cupboard.look(question, at: 29) == "NOERROR 1 192.0.2.1")
        fail(cupboard, at: 31)
        #expect(cupboard.look(question, at: 31) == "SERVFAIL")
        try cupboard.put(question, for: 30, at: 31)
        #expect(cupboard.look(question, at: 31) == "NOERROR 30 192.0.2.1")
    }

    @Test func theMessageIsTheQuestionWithTheCode() throws {
        let answer = try #require(
            withQuery("Www.example.org. AAAA CH do") { query, _ in AnswerMessage(failureOf: query) }
        )
        let message = try #require(Message(answer.wire))
        #expect(message.code == .serverFailure && message.flags == 0x8002)
        #expect(
            message.questions.map { "\($0.name) \($0.type) \($0.recordClass)" } == [
                "www.example.org. AAAA CH"
            ]
        )
        #expect(message.lines.isEmpty && answer.ttlOffsets.isEmpty)
    }
}
