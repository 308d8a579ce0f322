// The supervisor's decisions as scripts: at a time an event, then the actions.

import Kernel
import Supervisor
import Testing
import Timing

@Suite struct StartTests {
    @Test func trafficComesOnlyAfterTheWorkerAnswered() {
        var script = Script()
        #expect(script.deadline == nil)
        #expect(script.at(0, .started(generation: 1)) == [.spawnWorker(generation: 1)])
        #expect(
            script.at(40, .workerReady(generation: 1)) == [
                .putSocketsInUse, .adoptConfiguration(generation: 1), .sendProbe(round: 1, missed: 0),
            ]
        )
        #expect(!script.state.isIntercepting)
        #expect(
            script.at(41, .probeAnswered(round: 1)) == [
                .commitInterception, .writePIDFile, .testInterception(round: 1, missed: 0),
            ]
        )
        _ = script.at(42, .interceptionProved(round: 1))
        #expect(script.state.isIntercepting)
        #expect(script.state.isProven)
        #expect(script.at(291, .timePassed) == [.sendProbe(round: 2, missed: 0)])
        #expect(script.at(292, .probeAnswered(round: 2)) == [])
    }

    @Test func anUnansweredFirstProbeIsSentAgainWithMoreTime() {
        var script = Script()
        _ = script.at(0, .started(generation: 1))
        _ = script.at(10, .workerReady(generation: 1))
        #expect(script.deadline == 240)
        #expect(
            script.at(240, .timePassed) == [
                .abandonProbe(round: 1, tellsWhatIsMissing: false), .sendProbe(round: 2, missed: 1),
            ]
        )
        #expect(script.at(241, .probeAnswered(round: 1)) == [], "too late")
        #expect(script.deadline == 700)
        _ = script.at(700, .timePassed)
        // A lasting silence is worth a line, once.
        #expect(script.at(1390, .timePassed).first == .abandonProbe(round: 3, tellsWhatIsMissing: true))
        #expect(script.at(2310, .timePassed).first == .abandonProbe(round: 4, tellsWhatIsMissing: false))
        #expect(script.at(2320, .probeAnswered(round: 5)).first == .commitInterception)
    }

    @Test func aFirstConfigurationThatCannotBeServedEndsTheProcess() {
        var script = Script()
        _ = script.at(0, .started(generation: 1))
        #expect(
            script.at(10, .workerRejected(generation: 1, reason: "no")) == [
                .dropConfiguration(generation: 1, reason: "no"), .killWorker, .tearDownNetwork,
                .exit(code: 1),
            ]
        )
    }

    @Test func aWorkerThatIsNotReadyInTimeIsReplaced() {
        var script = Script { $0.filesPoll = .seconds(100) }
        _ = script.at(0, .started(generation: 1))
        #expect(script.deadline == 10_000)
        #expect(script.at(10_000, .timePassed) == [.killWorker])
        #expect(script.at(10_005, .workerEnded("signal 9")) == [.forgetOwed, .spawnWorker(generation: 1)])
    }

    @Test func nothingHappensBeforeTheStart() {
        var script = Script()
        #expect(script.at(0, .workerReady(generation: 1)) == [])
        #expect(script.at(0, .probeAnswered(round: 0)) == [])
        #expect(script.at(0, .workerEnded("signal 9")) == [])
    }
}

@Suite struct WorkerDeathTests {
    @Test func theNextWorkerStartsAtOnceAndTrafficStays() {
        var script = Script.serving()
        #expect(script.at(20_000, .workerEnded("signal 9")).contains(.spawnWorker(generation: 1)))
        #expect(!script.state.isProven)
        #expect(script.state.isIntercepting)
        // The configuration was adopted before: nothing to close.
        #expect(script.at(20_050, .workerReady(generation: 1)) == [.sendProbe(round: 2, missed: 0)])
        #expect(script.at(20_051, .probeAnswered(round: 2)) == [])
        #expect(script.state.isIntercepting)
    }

    @Test func aFaultOfTheWorkersOwnEndsWithIt() {
        var script = Script.serving()
        #expect(!script.all(20_000, .workerEnded("signal 9", byFault: false)).contains(.forgetOwed))
        _ = script.at(20_050, .workerReady(generation: 1))
        let actions = script.all(40_000, .workerEnded("signal 11", byFault: true))
        #expect(actions.firstIndex(of: .forgetOwed)! < actions.firstIndex(of: .spawnWorker(generation: 1))!)
    }

    @Test func withoutAnAnswerTrafficGoesElsewhereAfterAQuarterSecond() {
        var script = Script.serving {
            $0.networkSync = .seconds(1000); $0.filesPoll = .seconds(1000)
        }
        _ = script.at(100, .workerEnded("signal 9"))
        #expect(script.deadline == 350)
        #expect(script.at(350, .timePassed) == [.withdrawInterception])
        #expect(!script.state.isIntercepting)
        #expect(script.at(400, .workerReady(generation: 1)) == [.sendProbe(round: 2, missed: 0)])
        #expect(script.at(401, .probeAnswered(round: 2)).first == .commitInterception)
    }

    @Test func aCrashLoopDoesNotKeepTrafficWaiting() {
        var script = Script.serving()
        for now in [100, 110] as [UInt64] {
            _ = script.at(now, .workerEnded("signal 9"))
            #expect(script.state.isIntercepting, "the next one is soon there")
        }
        _ = script.at(210, .timePassed)
        // The next one starts in 200 ms: whoever asks until then is better off elsewhere.
        #expect(script.at(220, .workerEnded("signal 9")) == [.forgetOwed, .withdrawInterception])
        #expect(!script.state.isIntercepting)
    }

    @Test func aCrashLoopIsSlowedDown() {
        var script = Script {
            $0.networkSync = .seconds(1000); $0.filesPoll = .seconds(1000)
        }
        _ = script.at(0, .started(generation: 1))
        var now: UInt64 = 0
        var delays: [UInt64] = []
        for _ in 0..<9 {
            now += 10
            let actions = script.at(now, .workerEnded("exit code 1"))
            if actions.contains(.spawnWorker(generation: 1)) {
                delays.append(0)
                continue
            }
            guard let next = script.deadline else { break }
            delays.append(next - now)
            now = next
            #expect(script.at(now, .timePassed) == [.spawnWorker(generation: 1)])
        }
        #expect(delays == [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000])
    }

    @Test func aCrashLoopIsToldOncePerChange() {
        var script = Script { $0.filesPoll = .seconds(1000) }
        _ = script.at(0, .started(generation: 1))
        var now: UInt64 = 0
        var lines = 0
        for _ in 0..<20 {
            now += 10
            let actions = script.all(now, .workerEnded("exit code 1"))
            lines += actions.count { if case .log = $0 { true } else { false } }
            guard !actions.contains(.spawnWorker(generation: 1)), let next = script.deadline else { continue }
            now = next
            _ = script.at(now, .timePassed)
        }
        #expect(lines == 8, "0, 100, 200, 400, 800, 1600, 3200, 5000 ms")
        _ = script.at(now + 10, .workerReady(generation: 1))
        let actions = script.all(now + 10, .probeAnswered(round: 1))
        #expect(actions.contains(.log(.info, "The worker answers")))
    }

    @Test func aWorkerThatLivedForAWhileResetsTheBackOff() {
        var script = Script.serving()
        _ = script.at(20, .workerEnded("signal 9"))
        _ = script.at(30, .workerEnded("signal 9"))
        #expect(script.at(129, .timePassed) == [])
        #expect(script.at(130, .timePassed).contains(.spawnWorker(generation: 1)))
        _ = script.at(140, .workerReady(generation: 1))
        #expect(script.at(10_130, .workerEnded("signal 9")).contains(.spawnWorker(generation: 1)))
    }
}

@Suite struct ConfigurationTests {
    @Test func aNewOneIsSentAndAdoptedWhenTheWorkerSaysSo() {
        var script = Script.serving()
        #expect(script.at(100, .configurationChecked(generation: 2)) == [.sendConfiguration(generation: 2)])
        #expect(script.at(120, .workerReady(generation: 2)) == [.adoptConfiguration(generation: 2)])
        #expect(script.at(20_000, .workerEnded("signal 9")).contains(.spawnWorker(generation: 2)))
    }

    @Test func aRejectedOneIsDroppedAndTheOldOneStays() {
        var script = Script.serving()
        _ = script.at(100, .configurationChecked(generation: 2))
        #expect(
            script.at(120, .workerRejected(generation: 2, reason: "no")) == [
                .dropConfiguration(generation: 2, reason: "no")
            ]
        )
        #expect(script.at(20_000, .workerEnded("signal 9")).contains(.spawnWorker(generation: 1)))
    }

    @Test func oneThatKillsTheWorkerIsNotTriedTwice() {
        var script = Script.serving()
        _ = script.at(100, .configurationChecked(generation: 2))
        #expect(
            script.at(120, .workerEnded("signal 4")) == [
                .dropConfiguration(generation: 2, reason: "the worker ended (signal 4)"),
                .spawnWorker(generation: 1),
            ]
        )
    }

    /// With its answer the worker closes sockets: what comes next must be sent with those it needs.
    @Test func theNextOneWaitsForTheAnswerToTheLast() {
        var script = Script.serving()
        _ = script.at(100, .configurationChecked(generation: 2))
        #expect(script.at(110, .configurationChecked(generation: 3)) == [])
        #expect(
            script.at(120, .workerReady(generation: 2)) == [
                .adoptConfiguration(generation: 2), .sendConfiguration(generation: 3),
            ]
        )
        #expect(script.at(121, .workerRejected(generation: 2, reason: "no")) == [])
        #expect(script.at(130, .workerReady(generation: 3)) == [.adoptConfiguration(generation: 3)])
    }

    @Test func ofThoseThatWaitOnlyTheNewestIsSent() {
        var script = Script.serving()
        for generation in [2, 3, 4] as [UInt64] {
            _ = script.at(100, .configurationChecked(generation: generation))
        }
        #expect(
            script.at(120, .workerRejected(generation: 2, reason: "no")) == [
                .dropConfiguration(generation: 2, reason: "no"), .sendConfiguration(generation: 4),
            ]
        )
        #expect(
            script.at(130, .workerEnded("signal 4")) == [
                .dropConfiguration(generation: 4, reason: "the worker ended (signal 4)"),
                .spawnWorker(generation: 1),
            ]
        )
    }

    @Test func filesAreReadOnceForManyEvents() {
        var script = Script.serving { $0.probeInterval = .seconds(1000) }
        for time in [100, 110, 120, 290] as [UInt64] { #expect(script.at(time, .filesTouched) == []) }
        #expect(script.at(300, .timePassed) == [.readConfiguration(isForced: false)])
        #expect(script.at(301, .timePassed) == [])
    }

    @Test func filesAreReadWithoutAnyEventWithinFiveSeconds() {
        var script = Script.serving { $0.probeInterval = .seconds(1000) }
        #expect(script.deadline == 4500)
        #expect(script.at(4500, .timePassed) == [.readConfiguration(isForced: false)])
        #expect(script.deadline == 9000)
    }

    @Test(arguments: [ProcessSignal.hangUp, .user1])
    func aSignalReadsThemAtOnce(signal: ProcessSignal) {
        var script = Script.serving()
        #expect(script.at(100, .signal(signal)) == [.readConfiguration(isForced: true)])
    }

    @Test func anUpgradeBySignalIsRefusedWithALine() {
        var script = Script.serving()
        #expect(script.all(100, .signal(.user2)).count == 1)
        #expect(script.state.isIntercepting)
    }
}

@Suite struct NetworkTests {
    @Test func eventsAreRepairedTogetherAndSoon() {
        var script = Script.serving()
        _ = script.at(100, .networkTouched)
        _ = script.at(149, .networkTouched)
        #expect(script.at(150, .timePassed) == [.reconcileNetwork])
        #expect(script.at(160, .timePassed) == [])
    }

    @Test func everySyncIntervalLooksWithoutAnEvent() {
        var script = Script.serving {
            $0.probeInterval = .seconds(1000)
            $0.filesPoll = .seconds(1000)
            $0.networkSync = .seconds(7)
        }
        #expect(script.deadline == 7000)
        #expect(script.at(7000, .timePassed) == [.reconcileNetwork, .removeForeignRules])
        #expect(script.deadline == 14_000)
    }
}
