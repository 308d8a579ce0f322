// When traffic counts as ours, as scripts.

import Kernel
import Supervisor
import Testing
import Timing

@Suite struct SelfTestTests {
    /// Until traffic was taken, and nothing else is due for a long time.
    private static func intercepting() -> Script {
        var script = Script {
            $0.probeInterval = .seconds(1000)
            $0.filesPoll = .seconds(1000)
            $0.networkSync = .seconds(1000)
        }
        #expect(script.state.unreadiness == "starting")
        _ = script.at(0, .started(generation: 1))
        #expect(script.state.unreadiness == "the worker starts")
        _ = script.at(10, .workerReady(generation: 1))
        #expect(script.state.unreadiness == "the worker does not answer")
        #expect(script.at(10, .probeAnswered(round: 1)).contains(.testInterception(round: 1, missed: 0)))
        return script
    }

    @Test func itIsOursWhenAnOrdinaryLookUpCameAndNotBefore() {
        var script = Self.intercepting()
        #expect(script.state.unreadiness == "look-ups of this node do not reach this agent")
        #expect(script.at(11, .interceptionProved(round: 1)) == [])
        #expect(script.state.unreadiness == nil)
        #expect(script.deadline == 5011)
        #expect(script.at(5011, .timePassed) == [.testInterception(round: 2, missed: 0)])
        #expect(script.state.unreadiness == nil)
        #expect(script.at(5012, .interceptionProved(round: 1)) == [], "too late")
        #expect(script.deadline == 6011)
    }

    @Test func twoLookUpsThatDoNotComeMakeUsLookAtTheRules() {
        var script = Self.intercepting()
        _ = script.at(11, .interceptionProved(round: 1))
        _ = script.at(5011, .timePassed)
        #expect(
            script.at(6011, .timePassed) == [
                .abandonInterceptionTest(tellsWhatIsMissing: false), .testInterception(round: 3, missed: 1),
            ]
        )
        #expect(script.state.unreadiness == nil)
        #expect(
            script.at(7011, .timePassed) == [
                .abandonInterceptionTest(tellsWhatIsMissing: true), .reconcileNetwork,
                .testInterception(round: 4, missed: 2),
            ]
        )
        #expect(script.state.unreadiness == "look-ups of this node do not reach this agent")
        #expect(!script.at(8011, .timePassed).contains(.reconcileNetwork), "told once")
        #expect(script.at(8012, .interceptionProved(round: 5)) == [])
        #expect(script.state.unreadiness == nil)
    }

    @Test func whatIsGivenUpHasToBeProvedAgain() {
        var script = Self.intercepting()
        _ = script.at(11, .interceptionProved(round: 1))
        _ = script.at(100, .workerEnded("signal 9"))
        #expect(script.state.unreadiness == "the worker does not answer")
        _ = script.at(350, .timePassed)
        _ = script.at(400, .workerReady(generation: 1))
        #expect(script.at(401, .probeAnswered(round: 2)).contains(.testInterception(round: 2, missed: 0)))
        #expect(script.state.unreadiness != nil)
        _ = script.at(402, .interceptionProved(round: 2))
        #expect(script.state.unreadiness == nil)
        _ = script.at(500, .signal(.terminate))
        #expect(script.state.unreadiness == "leaving")
    }

    @Test func withoutTheUpstreamServiceItStaysWithClusterDNS() {
        var script = Script()
        script.state.awaitsUpstream = true
        _ = script.at(0, .started(generation: 1))
        _ = script.at(10, .workerReady(generation: 1))
        _ = script.at(10, .probeAnswered(round: 1))
        #expect(script.state.unreadiness?.contains("upstream Service") == true)
    }

    @Test func signsOfLifeAreGivenFourTimesADeadMansTime() {
        var script = Script {
            $0.deadMan = .seconds(1)
            $0.probeInterval = .seconds(1000)
        }
        _ = script.at(0, .started(generation: 1))
        _ = script.at(10, .workerReady(generation: 1))
        let actions = script.at(10, .probeAnswered(round: 1))
        // Before anything is tried that needs us to be alive.
        #expect(actions.prefix(2) == [.commitInterception, .sendHeartbeat])
        _ = script.at(11, .interceptionProved(round: 1))
        #expect(script.deadline == 260)
        #expect(script.at(260, .timePassed) == [.sendHeartbeat])
        _ = script.at(300, .signal(.terminate))
        #expect(script.at(510, .timePassed) == [])
    }
}
