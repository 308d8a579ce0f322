// A worker that lives and does not answer, as scripts.

import Supervisor
import Testing
import Timing

@Suite struct HangTests {
    private static func serving() -> Script {
        Script.serving {
            $0.networkSync = .seconds(1000)
            $0.filesPoll = .seconds(1000)
        }
    }

    /// Misses the probes of so many rounds from round 2 on; the actions of the last.
    private static func miss(_ rounds: UInt64, _ script: inout Script) -> [SupervisorState.Action] {
        _ = script.at(260, .timePassed)
        var actions: [SupervisorState.Action] = []
        for round in 1...rounds { actions = script.at(260 + round * 230, .timePassed) }
        return actions
    }

    @Test func aSilentWorkerIsOutOfThePathWithinASecondAndThenReplaced() {
        var script = Self.serving()
        #expect(script.at(260, .timePassed) == [.sendProbe(round: 2, missed: 0)])
        #expect(
            script.at(490, .timePassed) == [
                .abandonProbe(round: 2, tellsWhatIsMissing: false), .sendProbe(round: 3, missed: 1),
            ]
        )
        #expect(
            script.at(720, .timePassed) == [
                .abandonProbe(round: 3, tellsWhatIsMissing: false), .sendProbe(round: 4, missed: 2),
            ]
        )
        // It answered last at 10 ms.
        #expect(
            script.at(950, .timePassed) == [
                .abandonProbe(round: 4, tellsWhatIsMissing: true), .withdrawInterception,
                .sendProbe(round: 5, missed: 3),
            ]
        )
        #expect(!script.state.isProven)
        #expect(
            script.at(1180, .timePassed) == [.abandonProbe(round: 5, tellsWhatIsMissing: false), .killWorker]
        )
        #expect(script.deadline == 1_000_000, "nobody is asked")
        #expect(script.at(1185, .workerEnded("signal 9")) == [.forgetOwed, .spawnWorker(generation: 1)])
        #expect(script.at(1230, .workerReady(generation: 1)) == [.sendProbe(round: 6, missed: 0)])
        #expect(script.at(1231, .probeAnswered(round: 6)).first == .commitInterception)
    }

    @Test func aSlowWorkerThatAnswersAfterTheWithdrawalIsKept() {
        var script = Self.serving()
        #expect(Self.miss(3, &script).contains(.withdrawInterception))
        #expect(script.all(960, .probeAnswered(round: 5)).contains(.commitInterception))
        #expect(script.state.isProven)
    }

    /// It has too much to do: traffic goes elsewhere, its cache stays.
    @Test func aSilentWorkerThatRunsIsGivenTime() {
        var script = Self.serving()
        _ = script.at(260, .timePassed)
        for round in 1...39 as ClosedRange<UInt64> {
            let actions = script.at(260 + round * 230, .timePassed)
            #expect(!actions.contains(.killWorker))
            #expect(actions.contains(.withdrawInterception) == (round == 3))
            _ = script.at(260 + round * 230, .workerWasBusy)
        }
        #expect(script.at(260 + 40 * 230, .timePassed).last == .killWorker)
    }

    @Test func aWorkerThatStopsRunningIsReplacedAfterFourRoundsMore() {
        var script = Self.serving()
        _ = script.at(260, .timePassed)
        for round in 1...8 as ClosedRange<UInt64> {
            let actions = script.at(260 + round * 230, .timePassed)
            if round <= 4 { _ = script.at(260 + round * 230, .workerWasBusy) }
            #expect(actions.contains(.killWorker) == (round == 8))
        }
    }

    @Test func oneMissedProbeDoesNothingElse() {
        var script = Self.serving()
        _ = Self.miss(1, &script)
        #expect(script.all(500, .probeAnswered(round: 3)) == [])
        #expect(script.state.isIntercepting)
    }

    /// Before interception a single ClusterIP cannot be asked: `ready` proves a new worker, nothing an old one.
    @Test func whereNoAddressCanBeAskedASilentWorkerDoesNotGetTrafficBack() {
        var script = Self.serving()
        _ = Self.miss(3, &script)
        #expect(script.at(950, .probeImpossible(round: 5)) == [])
        #expect(!script.state.isIntercepting)
        #expect(script.at(1180, .timePassed).last == .killWorker)
        _ = script.at(1185, .workerEnded("signal 9"))
        _ = script.at(1230, .workerReady(generation: 1))
        #expect(script.at(1230, .probeImpossible(round: 6)).first == .commitInterception)
    }

    /// Where no worker ever answered the way to it is closed: another one would not help.
    @Test func aWorkerThatNeverAnsweredIsNotReplaced() {
        var script = Script { $0.filesPoll = .seconds(1000) }
        _ = script.at(0, .started(generation: 1))
        _ = script.at(10, .workerReady(generation: 1))
        for second in 1...60 as ClosedRange<UInt64> {
            #expect(!script.at(second * 1000, .timePassed).contains(.killWorker))
        }
    }
}
