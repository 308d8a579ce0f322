import AnswerCache
import Testing
import Timing

/// Answering with what has expired (`serve_stale`).
@Suite struct StaleTests {
    private let question = "www.example.org. A"

    private func cupboard(verifies: Bool) throws -> Cupboard {
        let cupboard = Cupboard {
            $0.stale = CacheSettings.Stale(duration: .seconds(3600), verifies: verifies)
        }
        try cupboard.put(question, for: 30)
        return cupboard
    }

    @Test func immediatelyGivesTheOldAnswerAndWantsOneRefresh() throws {
        let cupboard = try cupboard(verifies: false)
        #expect(cupboard.look(question, at: 29.9) == "NOERROR 1 192.0.2.1")
        #expect(cupboard.look(question, at: 30) == "NOERROR 0 192.0.2.1 stale refresh")
        #expect(cupboard.look(question, at: 31) == "NOERROR 0 192.0.2.1 stale")
        withQuery(question) { query, _ in cupboard.cache.refreshFailed(query, at: .at(31)) }
        #expect(cupboard.look(question, at: 35.9) == "NOERROR 0 192.0.2.1 stale")
        #expect(cupboard.look(question, at: 36) == "NOERROR 0 192.0.2.1 stale refresh")
        try cupboard.put(question, for: 30, at: 37)
        #expect(cupboard.look(question, at: 38) == "NOERROR 29 192.0.2.1")
    }

    /// The failure recheck timer of RFC 8767, 5, is not the client's to wait for.
    @Test func verifyDoesNotWaitForWhatHasJustFailed() throws {
        let cupboard = try cupboard(verifies: true)
        #expect(cupboard.look(question, at: 30) == "verify")
        withQuery(question) { query, _ in cupboard.cache.refreshFailed(query, at: .at(30)) }
        #expect(cupboard.look(question, at: 30) == "NOERROR 0 192.0.2.1 stale")
        #expect(cupboard.look(question, at: 35) == "NOERROR 0 192.0.2.1 stale refresh")
        #expect(cupboard.look(question, at: 36) == "NOERROR 0 192.0.2.1 stale")
        #expect(cupboard.look(question, at: 74.9).hasPrefix("NOERROR 0 192.0.2.1 stale"))
        #expect(cupboard.look(question, at: 200) == "verify")
    }

    @Test func verifyDoesNotWaitForWhatIsLate() throws {
        let cupboard = try cupboard(verifies: true)
        withQuery(question) { query, _ in cupboard.cache.refreshIsLate(query, at: .at(30.4)) }
        #expect(cupboard.look(question, at: 30.5) == "NOERROR 0 192.0.2.1 stale")
        try cupboard.put(question, for: 30, at: 31)
        #expect(cupboard.look(question, at: 61) == "verify")
    }

    @Test func whatIsOutOfDateIsForgottenOnlyWhenStale() throws {
        let cupboard = try cupboard(verifies: false)
        withQuery(question) { query, _ in cupboard.cache.forgetStale(query, at: .at(29)) }
        #expect(cupboard.look(question, at: 29) == "NOERROR 1 192.0.2.1")
        withQuery(question) { query, _ in cupboard.cache.forgetStale(query, at: .at(30)) }
        #expect(cupboard.look(question, at: 30) == "miss")
    }

    /// A refresh that was shed on its way must not leave the entry stale for ever.
    @Test func aRefreshThatNeverComesBackIsAskedForAgain() throws {
        let cupboard = try cupboard(verifies: false)
        #expect(cupboard.look(question, at: 30) == "NOERROR 0 192.0.2.1 stale refresh")
        #expect(cupboard.look(question, at: 39.9) == "NOERROR 0 192.0.2.1 stale")
        #expect(cupboard.look(question, at: 40) == "NOERROR 0 192.0.2.1 stale refresh")
    }

    @Test func theStaleTimeEnds() throws {
        let cupboard = try cupboard(verifies: false)
        #expect(cupboard.look(question, at: 3629.9).hasPrefix("NOERROR 0 192.0.2.1 stale"))
        #expect(cupboard.look(question, at: 3630) == "miss")
    }

    @Test func verifyGivesTheOldAnswerOnlyWhenUpstreamFailed() throws {
        let cupboard = try cupboard(verifies: true)
        #expect(cupboard.look(question, at: 29) == "NOERROR 1 192.0.2.1")
        #expect(cupboard.look(question, at: 30) == "verify")
        #expect(
            cupboard.look(question, at: 30) {
                $0.acceptsStale = true
                $0.countsAsHit = false
            } == "NOERROR 0 192.0.2.1 stale"
        )
        #expect(cupboard.look(question, at: 3630) == "miss")
    }

    @Test func denialsMayBeStaleAndFailuresNot() throws {
        let cupboard = try cupboard(verifies: false)
        try cupboard.put("gone.example.org. A", .denial, for: 30)
        try cupboard.put("sick.example.org. A", .serverError, for: 5)
        #expect(cupboard.look("gone.example.org. A", at: 40) == "NXDOMAIN 0 stale refresh")
        #expect(cupboard.look("sick.example.org. A", at: 6) == "miss")
    }

    @Test func keepttlDoesNotHideThatAnAnswerIsStale() throws {
        let cupboard = Cupboard {
            $0.keepsTTL = true
            $0.stale = CacheSettings.Stale(duration: .seconds(3600), verifies: false)
        }
        try cupboard.put(question, for: 30)
        #expect(cupboard.look(question, at: 31) == "NOERROR 0 192.0.2.1 stale refresh")
    }
}
