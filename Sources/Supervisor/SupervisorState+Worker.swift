// One worker after another: started, configured, proved by a probe through the real path, replaced when it
// ends. Traffic is sent to us only while a worker answers.

import Timing

extension SupervisorState {
    // MARK: - Life and death

    var workerDeadline: Instant? {
        switch worker {
        case .absent(let nextStart): nextStart
        case .starting(let since): since + times.workerStart
        case .serving, .condemned: nil
        }
    }

    mutating func checkWorker(at now: Instant, _ actions: inout [Action]) {
        if let withdrawal, withdrawal <= now { withdraw("no worker answers", &actions) }
        guard let deadline = workerDeadline, deadline <= now else { return }
        switch worker {
        case .absent:
            guard let generation = candidate ?? accepted else { return }
            worker = .starting(since: now)
            unanswered = generation
            isWorkerKnown = false
            actions.append(.spawnWorker(generation: generation))
        case .starting(let since):
            worker = .condemned(since: since)
            let seconds = times.workerStart.inSeconds
            actions.append(.log(.error, "The worker is not ready after \(seconds) s: it is replaced"))
            actions.append(.killWorker)
        case .serving, .condemned: break
        }
    }

    mutating func workerEnded(
        _ how: String,
        byFault: Bool,
        at now: Instant,
        _ actions: inout [Action]
    ) {
        switch phase {
        case .draining: return finish(code: 0, &actions)
        case .waiting, .stopped: return
        case .running: break
        }
        switch worker {
        case .absent: return
        case .starting(let since), .serving(let since), .condemned(let since):
            quickEnds = now - since >= times.workerStable ? 0 : quickEnds + 1
        }
        refuseCandidateAfterDeath(how, &actions)
        isProven = false
        stopProbe(next: nil, &actions)
        let delay = backOff
        // A question may have been the fault, or have made the worker hang: its successor does not get it. And who
        // would get an answer late has asked again.
        if byFault || isCondemned || delay > times.firstBackOff { actions.append(.forgetOwed) }
        worker = .absent(nextStart: now + delay)
        let when = delay == .zero ? "now" : "in \(delay.millisecondsRoundedUp) ms"
        let line = "The worker ended (\(how)), the next one starts \(when)"
        // In a crash loop the back-off ends up the same, and so does the line: told once.
        if line != lastEnd || delay == .zero { actions.append(.log(.error, line)) }
        lastEnd = line
        // What comes now would wait in sockets: for the next worker, if that is soon, and else in vain.
        if delay > times.firstBackOff {
            withdraw("workers end too soon", &actions)
        } else if isIntercepting, withdrawal == nil {
            withdrawal = now + times.interceptionWithoutWorker
        }
    }

    private var isCondemned: Bool {
        if case .condemned = worker { true } else { false }
    }

    /// A configuration that kills workers is not tried twice when there is one that does not.
    private mutating func refuseCandidateAfterDeath(_ how: String, _ actions: inout [Action]) {
        defer { unanswered = nil }
        guard let generation = unanswered, accepted != nil, generation != accepted else { return }
        if candidate == generation { candidate = nil }
        actions.append(.dropConfiguration(generation: generation, reason: "the worker ended (\(how))"))
    }

    /// Nothing after the first quick end, then doubled each time.
    private var backOff: Interval {
        guard quickEnds > 1 else { return .zero }
        return min(times.firstBackOff * (1 << min(quickEnds - 2, 20)), times.longestBackOff)
    }

    // MARK: - Configurations

    mutating func offer(_ generation: UInt64, _ actions: inout [Action]) {
        guard phase == .running else { return }
        candidate = generation
        sendCandidate(&actions)
    }

    private mutating func sendCandidate(_ actions: inout [Action]) {
        guard let candidate, unanswered == nil else { return }
        switch worker {
        case .starting, .serving:
            unanswered = candidate
            actions.append(.sendConfiguration(generation: candidate))
        case .absent, .condemned: break  // the next worker starts with it
        }
    }

    mutating func workerReady(_ generation: UInt64, at now: Instant, _ actions: inout [Action]) {
        guard phase == .running, generation == unanswered else { return }
        unanswered = nil
        if case .starting(let since) = worker {
            worker = .serving(since: since)
            if !areSocketsInUse {
                areSocketsInUse = true
                actions.append(.putSocketsInUse)
            }
            stopProbe(next: now, &actions)
        }
        if candidate == generation { candidate = nil }
        if accepted != generation {
            accepted = generation
            actions.append(.adoptConfiguration(generation: generation))
        }
        sendCandidate(&actions)
    }

    mutating func workerRejected(_ generation: UInt64, _ reason: String, _ actions: inout [Action]) {
        guard phase == .running, generation == unanswered, generation != accepted else { return }
        unanswered = nil
        if candidate == generation { candidate = nil }
        actions.append(.dropConfiguration(generation: generation, reason: reason))
        sendCandidate(&actions)
        guard accepted == nil, unanswered == nil else { return }
        end("The first configuration cannot be served: \(reason)", &actions)
    }

    // MARK: - Probes

    var probeDeadline: Instant? {
        switch probe {
        case .idle(let next): next
        case .asked(let deadline): deadline
        }
    }

    mutating func checkProbe(at now: Instant, _ actions: inout [Action]) {
        guard let deadline = probeDeadline, deadline <= now else { return }
        if case .asked = probe {
            probeMissed(&actions)
            guard case .serving = worker else { return probe = .idle(next: nil) }
        }
        probeRound += 1
        // Nobody waits for a worker that is not known yet: on a slow machine it gets more and more time.
        let patience = isWorkerKnown ? 1 : UInt64(min(missedProbes + 1, 5))
        probe = .asked(deadline: now + times.probeTimeout * patience)
        actions.append(.sendProbe(round: probeRound, missed: missedProbes))
    }

    private mutating func probeMissed(_ actions: inout [Action]) {
        missedProbes += 1
        // At the start the link may need a moment, and one slow answer is no news: only a lasting silence is
        // worth a line.
        let isNews = missedProbes == times.missedProbesBeforeWithdrawal
        actions.append(.abandonProbe(round: probeRound, tellsWhatIsMissing: isNews))
        if missedProbes >= times.missedProbesBeforeWithdrawal, isProven || isIntercepting {
            isProven = false
            withdraw("the worker missed \(missedProbes) probes", &actions)
        }
        let patience =
            isWorkerKnown ? times.missedProbesBeforeReplacement : times.missedFirstProbesBeforeReplacement
        // Where no worker ever answered the way to it may be closed, and not the worker's fault.
        let hangs =
            missedProbes - busyMisses >= patience || missedProbes >= times.missedProbesBeforeReplacementOfBusy
        guard wasEverProven, hangs, case .serving(let since) = worker else { return }
        worker = .condemned(since: since)
        actions.append(.log(.error, "The worker hangs: it missed \(missedProbes) probes and is replaced"))
        actions.append(.killWorker)
    }

    /// No address can be asked, so the worker's `ready` has to do; but not again after it went silent.
    mutating func probeImpossible(_ round: UInt64, at now: Instant, _ actions: inout [Action]) {
        guard missedProbes == 0 else { return }
        probeAnswered(round, at: now, &actions)
    }

    mutating func probeAnswered(_ round: UInt64, at now: Instant, _ actions: inout [Action]) {
        guard phase == .running, round == probeRound, case .asked = probe else { return }
        probe = .idle(next: now + times.probeInterval)
        if missedProbes >= times.missedProbesBeforeWithdrawal, wasEverProven {
            actions.append(.log(.info, "The worker answers again"))
        }
        missedProbes = 0
        busyMisses = 0
        withdrawal = nil
        if quickEnds > 1, !isProven { actions.append(.log(.info, "The worker answers")) }
        lastEnd = nil
        isProven = true
        isWorkerKnown = true
        if !isIntercepting, !awaitsUpstream {
            isIntercepting = true
            actions.append(.commitInterception)
            beatHeart(at: now, &actions)
            expectTraffic(from: now)
        }
        guard !wasEverProven else { return }
        wasEverProven = true
        actions.append(.writePIDFile)
        actions.append(.log(.info, "Serving"))
    }

    mutating func stopProbe(next: Instant?, _ actions: inout [Action]) {
        if case .asked = probe { actions.append(.abandonProbe(round: probeRound, tellsWhatIsMissing: false)) }
        probe = .idle(next: next)
        missedProbes = 0
        busyMisses = 0
    }

    // MARK: - Interception

    mutating func withdraw(_ reason: String, _ actions: inout [Action]) {
        withdrawal = nil
        guard isIntercepting else { return }
        isIntercepting = false
        expectTraffic(from: nil)
        actions.append(.log(.error, "Traffic is not sent to this agent any more: \(reason)"))
        actions.append(.withdrawInterception)
    }
}
