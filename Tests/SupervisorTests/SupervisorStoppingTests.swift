// Signals and the end as scripts.

import Kernel
import Supervisor
import Testing
import Timing

@Suite struct StoppingTests {
    @Test(arguments: [ProcessSignal.terminate, .interrupt])
    func aCleanStop(signal: ProcessSignal) {
        var script = Script.serving()
        #expect(
            script.at(100, .signal(signal)) == [.removePIDFile, .finishInterception, .drainWorker]
        )
        #expect(script.deadline == 5100)
        #expect(script.at(600, .timePassed) == [], "no probes any more")
        #expect(script.at(700, .workerEnded("exit code 0")) == [.tearDownNetwork, .exit(code: 0)])
        #expect(script.deadline == nil)
        #expect(script.at(800, .signal(.terminate)) == [])
    }

    @Test func aWorkerThatDoesNotEndIsKilledAfterTheGracePeriod() {
        var script = Script.serving { $0.grace = .seconds(2) }
        _ = script.at(100, .signal(.terminate))
        #expect(script.at(2100, .timePassed) == [.killWorker])
        #expect(script.at(2110, .workerEnded("signal 9")) == [.tearDownNetwork, .exit(code: 0)])
    }

    @Test func aWorkerThatCannotEvenBeKilledDoesNotHoldUsUp() {
        var script = Script.serving()
        _ = script.at(100, .signal(.terminate))
        _ = script.at(5100, .timePassed)
        #expect(script.at(6100, .timePassed) == [.tearDownNetwork, .exit(code: 0)])
    }

    @Test func lameduckGoesOnServingBeforeTheDrain() {
        var script = Script.serving()
        script.state.lameduck = .seconds(2)
        let actions = script.all(100, .signal(.terminate))
        #expect(actions.last == .log(.info, "plugin/health: Going into lameduck mode for 2s"))
        #expect(!actions.contains(.finishInterception))
        #expect(script.at(200, .signal(.terminate)) == [])
        #expect(
            script.at(2100, .timePassed) == [.removePIDFile, .finishInterception, .drainWorker]
        )
        #expect(script.at(2200, .workerEnded("exit code 0")) == [.tearDownNetwork, .exit(code: 0)])
    }

    /// Traffic is ours until then, so a worker that dies meanwhile is replaced as ever.
    @Test func withADrainDelayEverythingGoesOnAsBefore() {
        var script = Script.serving(drainDelay: .seconds(30)) {
            $0.networkSync = .seconds(1000)
            $0.filesPoll = .seconds(1000)
        }
        script.state.lameduck = .seconds(2)
        #expect(script.state.unreadiness == nil)
        let line = "Answering as before for 30s, then leaving"
        #expect(script.all(100, .signal(.terminate)).last == .log(.info, line))
        #expect(script.state.unreadiness == "leaving")
        #expect(script.at(260, .timePassed) == [.sendProbe(round: 2, missed: 0)])
        #expect(script.at(300, .workerEnded("signal 9")).last == .spawnWorker(generation: 1))
        _ = script.at(310, .workerReady(generation: 1))
        _ = script.at(311, .probeAnswered(round: 3))
        #expect(script.state.isIntercepting)
        #expect(script.at(30_100, .timePassed).last == .drainWorker)
    }

    @Test func theSecondInterruptEndsALameduckToo() {
        var script = Script.serving()
        script.state.lameduck = .seconds(30)
        _ = script.at(100, .signal(.interrupt))
        #expect(script.at(200, .signal(.interrupt)).last == .exit(code: 2))
    }

    @Test func theSecondInterruptEndsAtOnce() {
        var script = Script.serving()
        _ = script.at(100, .signal(.interrupt))
        #expect(
            script.at(200, .signal(.interrupt)) == [
                .removePIDFile, .killWorker, .tearDownNetwork, .exit(code: 2),
            ]
        )
    }

    @Test func quitEndsAtOnceWithTeardown() {
        var script = Script.serving()
        #expect(
            script.at(100, .signal(.quit)) == [
                .removePIDFile, .withdrawInterception, .killWorker, .tearDownNetwork, .exit(code: 0),
            ]
        )
    }

    /// The table would go with the process anyhow: so it goes before, while there is somebody to answer.
    @Test func skippedTeardownLeavesLinkAndAddresses() {
        var script = Script.serving(skipsTeardown: true)
        #expect(
            script.at(100, .signal(.terminate)) == [.removePIDFile, .finishInterception, .drainWorker]
        )
        #expect(script.at(200, .workerEnded("exit code 0")) == [.exit(code: 0)])
    }

    @Test func withoutAWorkerThereIsNothingToWaitFor() {
        var script = Script()
        _ = script.at(0, .started(generation: 1))
        _ = script.at(1, .workerEnded("exit code 1"))
        _ = script.at(2, .workerEnded("exit code 1"))
        #expect(script.at(3, .signal(.terminate)) == [.removePIDFile, .tearDownNetwork, .exit(code: 0)])
    }

    // MARK: Another agent

    @Test func whoDoesNotAnswerLeavesTheNodeToTheAgentThatDoes() {
        var script = Script.serving {
            $0.networkSync = .seconds(1000)
            $0.filesPoll = .seconds(1000)
        }
        _ = script.at(100, .workerEnded("signal 9"))
        #expect(script.at(350, .timePassed) == [.withdrawInterception])
        let actions = script.all(350, .anotherAgentServes)
        #expect(actions.first == .removePIDFile)
        #expect(actions.suffix(2) == [.tearDownNetwork, .exit(code: 1)])
        #expect(actions.contains(.killWorker))
    }

    @Test func whoServesStays() {
        var script = Script.serving()
        #expect(script.at(100, .anotherAgentServes) == [])
    }

    @Test func socketsThatCannotBePutInUseEndTheProcess() {
        var script = Script()
        _ = script.at(0, .started(generation: 1))
        _ = script.at(10, .workerReady(generation: 1))
        let actions = script.all(10, .socketsRefused("listen udp: in use"))
        #expect(actions.first == .log(.fatal, "listen udp: in use"))
        #expect(actions.suffix(2) == [.tearDownNetwork, .exit(code: 1)])
    }

    @Test func linesSayWhatHappensInNodeCachesWords() {
        var script = Script.serving()
        #expect(
            script.all(100, .signal(.terminate)).first
                == .log(.info, "SIGTERM: Shutting down servers then terminating")
        )
        #expect(script.all(200, .workerEnded("exit code 0")).first == .log(.info, "Tearing down"))
    }
}
