// Signals and the end. A clean stop sends traffic elsewhere first, lets the worker answer what it has, and takes
// the link away last; every step has a bound.

import Corefile
import Kernel
import Timing

extension SupervisorState {
    mutating func take(_ signal: ProcessSignal, at now: Instant, _ actions: inout [Action]) {
        guard phase != .stopped else { return }
        switch signal {
        case .terminate:
            leave("SIGTERM: Shutting down servers then terminating", at: now, &actions)
        case .interrupt:
            interrupts += 1
            if interrupts == 1 {
                leave("SIGINT: Shutting down", at: now, &actions)
            } else {
                quit("SIGINT: Force quit", code: 2, &actions)
            }
        case .quit: quit("SIGQUIT: Quitting process immediately", code: 0, &actions)
        case .hangUp, .user1:
            actions.append(.log(.info, "\(signal): Reloading"))
            if phase == .running { readFiles(at: now, isForced: true, &actions) }
        case .user2:
            let text = "SIGUSR2: not supported; start a second instance to upgrade without loss"
            actions.append(.log(.warning, text))
        }
    }

    private mutating func leave(_ text: String, at now: Instant, _ actions: inout [Action]) {
        guard phase == .waiting || phase == .running, departure == nil else { return }
        actions.append(.log(.info, text))
        guard case .serving = worker, max(drainDelay, lameduck) > .zero else {
            return drain(at: now, &actions)
        }
        departure = now + max(drainDelay, lameduck)
        let time = GoDuration(nanoseconds: Int64(clamping: max(drainDelay, lameduck).nanoseconds))
        let delay = "Answering as before for \(time), then leaving"
        let lame = "plugin/health: Going into lameduck mode for \(time)"
        actions.append(.log(.info, drainDelay >= lameduck ? delay : lame))
    }

    mutating func drain(at now: Instant, _ actions: inout [Action]) {
        departure = nil
        actions.append(.removePIDFile)
        stopProbe(next: nil, &actions)
        withdrawal = nil
        if isIntercepting {
            isIntercepting = false
            expectTraffic(from: nil)
            actions.append(.finishInterception)
        }
        switch worker {
        case .absent: finish(code: 0, &actions)
        case .starting, .serving, .condemned:
            phase = .draining(until: now + times.grace, isKilled: false)
            actions.append(.drainWorker)
        }
    }

    mutating func drainingTookTooLong(isKilled: Bool, at now: Instant, _ actions: inout [Action]) {
        guard !isKilled else { return finish(code: 0, &actions) }
        let grace = times.grace.inSeconds
        actions.append(.log(.warning, "The worker still answers queries after \(grace) s: it is killed"))
        actions.append(.killWorker)
        phase = .draining(until: now + times.killedWorker, isKilled: true)
    }

    private mutating func quit(_ text: String, code: CInt, _ actions: inout [Action]) {
        actions.append(.log(.info, text))
        actions.append(.removePIDFile)
        stopProbe(next: nil, &actions)
        withdrawBeforeLeaving(&actions)
        actions.append(.killWorker)
        finish(code: code, &actions)
    }

    private mutating func withdrawBeforeLeaving(_ actions: inout [Action]) {
        withdrawal = nil
        guard isIntercepting, !skipsTeardown else { return }
        isIntercepting = false
        expectTraffic(from: nil)
        actions.append(.withdrawInterception)
    }

    /// Ends for a reason that another start may do away with.
    mutating func end(_ reason: String, _ actions: inout [Action]) {
        guard phase == .running else { return }
        actions.append(.log(.fatal, reason))
        actions.append(.killWorker)
        finish(code: 1, &actions)
    }

    /// Nobody here answers, but the kernel deals us our share of what the other agent takes: with our sockets gone
    /// all of it is the other's. Whoever started us starts us again.
    mutating func leaveToAnother(_ actions: inout [Action]) {
        guard phase == .running, !isIntercepting else { return }
        actions.append(.removePIDFile)
        end("Another agent serves this node, and the worker of this one does not: leaving", &actions)
    }

    mutating func finish(code: CInt, _ actions: inout [Action]) {
        phase = .stopped
        if skipsTeardown {
            let text =
                "Skipping teardown: interface and addresses stay; a table owned by this process goes with it"
            actions.append(.log(.info, text))
        } else {
            actions.append(.log(.info, "Tearing down"))
            actions.append(.tearDownNetwork)
        }
        actions.append(.exit(code: code))
    }
}
