import DNSWire
import Resolution
import Testing
import Timing
import Upstream

@Suite struct LatencyEstimateTests {
    @Test func unknownLatencyMeansTheLongestPatience() {
        #expect(LatencyEstimate().patience(ForwardLimits()) == .milliseconds(500))
    }

    /// Milliseconds of 200 equal answers, the least and the most patience that is right for them.
    @Test(arguments: [(1, 50, 50), (40, 80, 120), (100, 200, 300), (400, 500, 500)])
    func patienceIsTwiceThePercentileWithinBounds(_ row: (UInt64, UInt64, UInt64)) {
        var estimate = LatencyEstimate()
        for _ in 0..<200 { estimate.add(.milliseconds(row.0)) }
        let patience = estimate.patience(ForwardLimits())
        #expect(patience >= .milliseconds(row.1) && patience <= .milliseconds(row.2))
        #expect(estimate.smoothed <= .milliseconds(row.0 + 1))
    }

    @Test func aFewSlowAnswersInAHundredCount() {
        var estimate = LatencyEstimate()
        for index in 0..<400 { estimate.add(.milliseconds(index % 20 == 0 ? 200 : 1)) }
        #expect(estimate.patience(ForwardLimits()) >= .milliseconds(400))
    }

    @Test func oldTimesAreForgotten() {
        var estimate = LatencyEstimate()
        for _ in 0..<200 { estimate.add(.milliseconds(400)) }
        for _ in 0..<8_000 { estimate.add(.milliseconds(1)) }
        #expect(estimate.patience(ForwardLimits()) == .milliseconds(50))
    }
}

@Suite struct DeadlineQueueTests {
    @Test func thingsComeInTheOrderOfTheirDeadlines() {
        var queue = DeadlineQueue<UInt64>()
        for index in 0..<100 as Range<UInt64> { queue.add(index * 37 % 101, due: .at(index * 37 % 101)) }
        #expect(queue.takeDue(at: .at(0)) == 0)
        #expect(queue.takeDue(at: .at(0)) == nil)
        var taken: [UInt64] = []
        while let thing = queue.takeDue(at: .at(1_000)) { taken.append(thing) }
        #expect(taken == taken.sorted() && taken.count == 99)
    }

    @Test func settledThingsAreDroppedFromTheFront() {
        var queue = DeadlineQueue<Int>()
        for index in 0..<10 { queue.add(index, due: .at(UInt64(index))) }
        queue.dropSettled { $0 < 4 }
        #expect(queue.earliest == .at(4))
        #expect(queue.count == 6)
    }
}

@Suite struct ServerSetTests {
    @Test func membersAreFoundByNumberAndByChance() {
        var set = ServerSet.first(15)
        set.remove(3)
        #expect(set.count == 14 && !set.contains(3) && set.contains(14) && !set.contains(15))
        #expect(set.first(from: 3) == 4)
        #expect(set.any(3) == 4)
        #expect(set.any(14) == 0)
        #expect(ServerSet.none.any(1) == nil && ServerSet.none.lowest == nil)
        var one = ServerSet.none
        one.insert(2)
        #expect(one.first(from: 5) == 2)
    }
}

@Suite struct AnswerCheckTests {
    private let asked = query("Api.example.org", type: 65)

    /// An answer to `asked` with something changed.
    private func judge(_ change: (inout [UInt8]) -> Void) -> AnswerVerdict {
        var message = reply(to: asked, id: 1)
        change(&message)
        return asked.judge(message.span)
    }

    @Test func theQuestionMustBeRepeatedWithoutRegardToCase() {
        #expect(judge { _ in } == .answers)
        #expect(judge { $0[13] = UInt8(ascii: "a") } == .answers)
        #expect(judge { $0[13] = UInt8(ascii: "b") } == .anotherQuestion)
        #expect(judge { $0[5] = 2 } == .anotherQuestion)
        #expect(judge { $0[2] = 0x01 } == .anotherQuestion)
    }

    @Test func typeAndClassAreNumbersAndNotLetters() {
        #expect(judge { $0[$0.count - 3] = 97 } == .anotherQuestion)  // 65 is "A", 97 is "a"
        #expect(judge { $0[$0.count - 1] = 3 } == .anotherQuestion)
    }

    @Test func recordsMustBeAsManyAsPromised() {
        #expect(judge { $0[7] = 1 } == .malformed)
        #expect(
            judge {
                $0[7] = 1
                $0 += [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 192, 0, 2, 1]
            } == .answers
        )
        #expect(judge { $0 = Array($0[..<11]) } == .malformed)
        #expect(judge { $0 = Array($0[..<20]) } == .anotherQuestion)
    }

    @Test func aTruncatedAnswerMayBreakOffAnywhere() {
        #expect(
            judge {
                $0[2] |= 0x02
                $0[7] = 9
            } == .truncated
        )
    }

    @Test func aBareErrorIsGivenItsQuestionBack() {
        let bare: [UInt8] = [0, 1, 0x80, 0x05, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(asked.judge(bare.span) == .bareError(.refused))
        let made = asked.reply(with: .refused)
        #expect(asked.judge(made.span) == .answers)
        #expect(made[2...3] == [0x81, 0x05])
    }
}
