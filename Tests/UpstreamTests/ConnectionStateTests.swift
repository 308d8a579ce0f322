import DNSWire
import Resolution
import Testing
import Timing
import Upstream

/// Matching answers and ending connections: askers are names here.
@Suite struct ConnectionStateTests {
    private func connection(_ adjust: (inout ForwardSettings) -> Void = { _ in }) -> ConnectionState<String> {
        var settings = ForwardSettings(upstreams: [serverA])
        adjust(&settings)
        var state = ConnectionState<String>(settings, age: .seconds(60), at: .at(0))
        state.opened(at: .at(0))
        return state
    }

    private func text(_ reception: ConnectionState<String>.Reception) -> String {
        switch reception {
        case .reply(let asker, let verdict, let latency): "\(asker) \(verdict) \(latency.inSeconds)"
        case .late(let latency): "late \(latency.inSeconds)"
        case .unwanted: "unwanted"
        }
    }

    @Test func answersOutOfOrderFindTheirAskers() {
        var state = connection()
        let (first, second) = (query("a.example.org"), query("b.example.org"))
        #expect(state.send(first, for: "first", random: 7, at: .at(0)) == 7)
        #expect(state.send(second, for: "second", random: 7, at: .at(1)) == 8)
        #expect(text(state.received(reply(to: second, id: 8).span, at: .at(2))) == "second answers 0.001")
        #expect(text(state.received(reply(to: first, id: 7).span, at: .at(3))) == "first answers 0.003")
        #expect(text(state.received(reply(to: first, id: 7).span, at: .at(4))) == "unwanted")
    }

    @Test func idsWrapAround() {
        var state = connection()
        #expect(state.send(query("a.example.org"), for: "first", random: 0xffff, at: .at(0)) == 0xffff)
        #expect(state.send(query("b.example.org"), for: "second", random: 0xffff, at: .at(0)) == 0)
    }

    @Test func theRightIDWithAnotherQuestionIsNoAnswer() {
        var state = connection()
        _ = state.send(query("a.example.org"), for: "first", random: 7, at: .at(0))
        let wrong = reply(to: query("b.example.org"), id: 7)
        #expect(text(state.received(wrong.span, at: .at(0))) == "first anotherQuestion 0.0")
    }

    @Test func aLateQuestionKeepsNewOnesAwayUntilItIsAnswered() {
        var state = connection()
        let asked = query("a.example.org")
        _ = state.send(asked, for: "first", random: 7, at: .at(0))
        #expect(state.lateness(of: 7, patience: .milliseconds(50), at: .at(49)) == .inTime(until: .at(50)))
        for _ in 0..<2 { #expect(state.lateness(of: 7, patience: .milliseconds(50), at: .at(50)) == .late) }
        #expect(state.send(query("b.example.org"), for: "second", random: 8, at: .at(60)) == nil)
        _ = state.received(reply(to: asked, id: 7).span, at: .at(70))
        #expect(state.send(query("b.example.org"), for: "second", random: 8, at: .at(70)) == 8)
    }

    /// Seventeen questions at once and a patience of 50 ms; the server answers one after the other.
    @Test func behindManyOthersAnAnswerIsLateOnlyWhenTheConnectionIsSilent() {
        var state = connection()
        let asked = query("a.example.org")
        for id in 0..<17 as Range<UInt16> { _ = state.send(asked, for: "\(id)", random: id, at: .at(0)) }
        _ = state.received(reply(to: asked, id: 0).span, at: .at(40))
        let patience = Interval.milliseconds(50)
        #expect(state.lateness(of: 16, patience: patience, at: .at(50)) == .inTime(until: .at(90)))
        #expect(state.send(asked, for: "next", random: 100, at: .at(50)) == 100)
        // Nothing more has come: the connection takes no other question.
        #expect(state.lateness(of: 16, patience: patience, at: .at(90)) == .late)
        #expect(state.send(asked, for: "last", random: 101, at: .at(90)) == nil)
    }

    @Test func whoIsOvertakenByMuchLaterQuestionsIsLate() {
        var state = connection()
        let asked = query("a.example.org")
        for id in 0..<17 as Range<UInt16> { _ = state.send(asked, for: "\(id)", random: id, at: .at(0)) }
        _ = state.send(asked, for: "later", random: 100, at: .at(30))
        _ = state.received(reply(to: asked, id: 100).span, at: .at(40))
        #expect(state.lateness(of: 16, patience: .milliseconds(50), at: .at(50)) == .late)
    }

    @Test func aDisownedIDIsNotGivenAwayAndItsAnswerIsLate() {
        var state = connection()
        let asked = query("a.example.org")
        _ = state.send(asked, for: "first", random: 7, at: .at(0))
        state.disown(7)
        #expect(state.send(query("b.example.org"), for: "second", random: 7, at: .at(1)) == 8)
        #expect(text(state.received(reply(to: asked, id: 7).span, at: .at(2))) == "late 0.002")
    }

    @Test func theEndLosesWhoStillWaitsAndSaysWhetherItWasReused() {
        var state = connection()
        let asked = query("a.example.org")
        _ = state.send(asked, for: "first", random: 1, at: .at(0))
        _ = state.send(asked, for: "second", random: 2, at: .at(0))
        _ = state.received(reply(to: asked, id: 1).span, at: .at(1))
        _ = state.send(asked, for: "third", random: 3, at: .at(2))
        let lost = state.closed().map { "\($0.asker) \($0.wasReuse)" }.sorted()
        #expect(lost == ["second false", "third true"])
        #expect(state.send(asked, for: "fourth", random: 4, at: .at(3)) == nil)
    }

    @Test func anIdleConnectionEndsAfterExpireAndIsNotUsedShortlyBefore() {
        var state = connection { $0.expire = .seconds(10) }
        #expect(state.mustClose(at: .at(9_999)) == false)
        #expect(state.accepts(at: .at(10_000)) == false)
        #expect(state.mustClose(at: .at(10_000)) == true)
    }

    @Test func anAgedConnectionAnswersWhatItOwesAndEnds() {
        var state = connection { $0.expire = .seconds(100) }
        let asked = query("a.example.org")
        _ = state.send(asked, for: "first", random: 1, at: .at(59_000))
        #expect(state.mustClose(at: .at(60_000)) == false)
        #expect(state.accepts(at: .at(60_000)) == false)
        _ = state.received(reply(to: asked, id: 1).span, at: .at(60_100))
        #expect(state.isDone == true)
    }

    @Test func anAnswerOwedForAWholeBudgetEndsTheConnection() {
        var state = connection()
        _ = state.send(query("a.example.org"), for: "first", random: 1, at: .at(0))
        state.disown(1)
        #expect(state.mustClose(at: .at(4_499)) == false)
        #expect(state.mustClose(at: .at(4_500)) == true)
    }

    @Test func depthIsBounded() {
        var state = connection { $0.limits.depth = 2 }
        for id in 0..<3 {
            let given = state.send(query("a.example.org"), for: "\(id)", random: UInt16(id), at: .at(0))
            #expect(given == (id < 2 ? UInt16(id) : nil))
        }
    }
}
