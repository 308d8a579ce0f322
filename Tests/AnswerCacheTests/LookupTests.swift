import AnswerCache
import TestSupport
import Testing
import Timing

/// What goes in comes out, until it is too old.
@Suite struct LookupTests {
    @Test func answersAgeBySecondsAndExpire() throws {
        let cupboard = Cupboard()
        #expect(cupboard.look("www.example.org. A") == "miss")
        #expect(try cupboard.put("www.example.org. A", for: 30) == .stored)
        #expect(cupboard.look("www.example.org. A", at: 0) == "NOERROR 30 192.0.2.1")
        #expect(cupboard.look("www.example.org. A", at: 0.999) == "NOERROR 30 192.0.2.1")
        #expect(cupboard.look("www.example.org. A", at: 1) == "NOERROR 29 192.0.2.1")
        #expect(cupboard.look("www.example.org. A", at: 12.5) == "NOERROR 18 192.0.2.1")
        #expect(cupboard.look("www.example.org. A", at: 29.999) == "NOERROR 1 192.0.2.1")
        #expect(cupboard.look("www.example.org. A", at: 30) == "miss")
    }

    /// Another thread may have read its clock a little earlier than the one that inserted.
    @Test func aClockThatLagsBehindSeesAFreshAnswer() throws {
        let cupboard = Cupboard()
        try cupboard.put("www.example.org. A", for: 30, at: 5)
        #expect(cupboard.look("www.example.org. A", at: 4.9) == "NOERROR 30 192.0.2.1")
    }

    @Test func keepttlShowsTheLifetimeAsStored() throws {
        let cupboard = Cupboard { $0.keepsTTL = true }
        try cupboard.put("www.example.org. A", for: 30)
        #expect(cupboard.look("www.example.org. A", at: 29) == "NOERROR 30 192.0.2.1")
        #expect(cupboard.look("www.example.org. A", at: 30) == "miss")
    }

    @Test func denialsAndFailuresAgeToo() throws {
        let cupboard = Cupboard()
        try cupboard.put("gone.example.org. A", .denial, for: 10)
        try cupboard.put("sick.example.org. A", .serverError, for: 5)
        #expect(cupboard.look("gone.example.org. A", at: 4) == "NXDOMAIN 6")
        #expect(cupboard.look("sick.example.org. A", at: 4) == "SERVFAIL")
        #expect(cupboard.look("sick.example.org. A", at: 5) == "miss")
        #expect(cupboard.cache.census().entries == (success: 0, denial: 2))
    }

    @Test(arguments: ["WWW.example.org. A", "www.EXAMPLE.ORG. A", "wWw.eXaMpLe.oRg. A edns 1232"])
    func theCaseOfLettersAndEDNSDoNotMatter(_ question: String) throws {
        let cupboard = Cupboard()
        try cupboard.put("www.Example.org. A")
        #expect(cupboard.look(question) == "NOERROR 30 192.0.2.1")
    }

    @Test(arguments: [
        "www.example.org. AAAA", "www.example.org. A do", "www.example.org. A cd", "www.example.org. A CH",
        "ww.example.org. A", "www.example.or. A", "example.org. A", "a.www.example.org. A", ". A",
    ])
    func otherQuestionsHaveOtherAnswers(_ question: String) throws {
        let cupboard = Cupboard()
        try cupboard.put("www.example.org. A")
        #expect(cupboard.look(question) == "miss")
        try cupboard.put(question, data: "192.0.2.9")
        #expect(cupboard.look(question) == "NOERROR 30 192.0.2.9")
        #expect(cupboard.look("www.example.org. A") == "NOERROR 30 192.0.2.1")
        #expect(cupboard.cache.census().entries.success == 2)
    }

    @Test func theNewAnswerReplacesTheOld() throws {
        let cupboard = Cupboard()
        try cupboard.put("www.example.org. A", .denial, for: 30)
        try cupboard.put("www.example.org. A", for: 30, at: 1)
        #expect(cupboard.look("www.example.org. A", at: 1) == "NOERROR 30 192.0.2.1")
        #expect(cupboard.cache.census().entries == (success: 1, denial: 0))
        try cupboard.put("www.example.org. A", .denial, for: 30, at: 2)
        #expect(cupboard.look("www.example.org. A", at: 2) == "NXDOMAIN 30")
        #expect(cupboard.cache.census().entries == (success: 0, denial: 1))
        #expect(cupboard.cache.census().evictions == (success: 0, denial: 0))
    }

    @Test(arguments: [AnswerKind.success, .denial])
    func aFailureNeverDisplacesAnAnswer(_ kind: AnswerKind) throws {
        let cupboard = Cupboard()
        try cupboard.put("www.example.org. A", kind, for: 30)
        let before = cupboard.look("www.example.org. A", at: 10)
        #expect(try cupboard.put("www.example.org. A", .serverError, for: 5, at: 10) == .keptBetter)
        #expect(cupboard.look("www.example.org. A", at: 10) == before)
        // What cannot be given any more makes room.
        #expect(try cupboard.put("www.example.org. A", .serverError, for: 5, at: 30) == .stored)
        #expect(cupboard.look("www.example.org. A", at: 30) == "SERVFAIL")
    }

    @Test func aFailureDoesNotDisplaceAStaleAnswer() throws {
        let cupboard = Cupboard { $0.stale = CacheSettings.Stale(duration: .seconds(3600), verifies: false) }
        try cupboard.put("www.example.org. A", for: 30)
        #expect(try cupboard.put("www.example.org. A", .serverError, for: 5, at: 100) == .keptBetter)
        #expect(cupboard.look("www.example.org. A", at: 100).hasPrefix("NOERROR 0 192.0.2.1 stale"))
    }

    @Test func repliesKeepToTheLimit() throws {
        let cupboard = Cupboard()
        let question = "www.example.org. A"
        let lines = ["NOERROR"] + (1...60).map { "www.example.org. 60 A 192.0.2.\($0)" }
        let answer = try answer(to: question, lines)
        withQuery(question) { query, _ in
            _ = cupboard.cache.insert(answer, for: query, as: .success, lifetime: 60, at: .at(0))
        }
        #expect(cupboard.look(question) { $0.limit = 512 } == "NOERROR 60 192.0.2.1")
    }
}
