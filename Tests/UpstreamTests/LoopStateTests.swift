import Testing
import Timing
import Upstream

/// When an upstream is asked whether it leads back to us.
@Suite struct LoopStateTests {
    /// A mutating call cannot stand inside of the macro.
    private func expect(
        _ value: Bool,
        _ wanted: Bool = true,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(value == wanted, sourceLocation: sourceLocation)
    }

    @Test func askedAtOnceAndThenOnceAMinute() {
        var state = LoopState(at: .at(0))
        expect(state.isDue(timeouts: 0, at: .at(0)))
        expect(state.answered(at: .at(1)), false)
        expect(state.isDue(timeouts: 0, at: .at(59_999)), false)
        expect(state.isDue(timeouts: 0, at: .at(60_000)))
    }

    @Test func askedEverySecondUntilTheFirstAnswerThirtyTimes() {
        var state = LoopState(at: .at(0))
        var asked = 0
        for second in 0..<60 where state.isDue(timeouts: 0, at: .at(UInt64(second) * 1_000)) {
            asked += 1
            state.unanswered(at: .at(UInt64(second) * 1_000))
        }
        #expect(asked == 31)
    }

    @Test func aLateAnswerMeansALookButNotMoreThanEveryFiveSeconds() {
        var state = LoopState(at: .at(0))
        expect(state.isDue(timeouts: 0, at: .at(0)))
        _ = state.answered(at: .at(1))
        expect(state.isDue(timeouts: 1, at: .at(4_999)), false)
        expect(state.isDue(timeouts: 1, at: .at(5_000)))
        expect(state.isDue(timeouts: 1, at: .at(10_000)), false)
        expect(state.isDue(timeouts: 2, at: .at(10_000)))
    }

    @Test func foundOnceAndGoneAfterThreeCleanAnswers() {
        var state = LoopState(at: .at(0))
        let isNews = [1, 2, 3].map { _ in state.sighted(at: .at(0)) }
        #expect(isNews == [true, false, false])
        #expect(state.isLooping)
        expect(state.isDue(timeouts: 0, at: .at(2_000)))
        expect(state.answered(at: .at(2_000)), false)
        expect(state.answered(at: .at(4_000)), false)
        expect(state.sighted(at: .at(6_000)), false)
        let isGone = (1...3).map { _ in state.answered(at: .at(8_000)) }
        #expect(isGone == [false, false, true])
        #expect(!state.isLooping)
    }

    @Test func silenceIsNoProofThatALoopIsGone() {
        var state = LoopState(at: .at(0))
        _ = state.sighted(at: .at(0))
        for second in 1...10 { state.unanswered(at: .at(UInt64(second) * 1_000)) }
        #expect(state.isLooping)
    }
}
