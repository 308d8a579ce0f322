// What the supervisor knows and decides: events in, actions out. No I/O, no clock, no thread in here; the loop
// performs the actions. This file has the vocabulary and the timers; one worker's life is in `+Worker`, files
// and network in `+Upkeep`, whether traffic is ours in `+SelfTest`, the end in `+Stopping`.

package import Kernel
package import Timing

/// The state machine of one supervisor.
package struct SupervisorState: Sendable {
    /// Something that happened.
    package enum Event: Hashable, Sendable {
        /// The configuration is checked, sockets, link and addresses are there.
        case started(generation: UInt64)
        case workerReady(generation: UInt64)
        case workerRejected(generation: UInt64, reason: String)
        /// It ended, or could not be started; the text says how. Not `byFault`: somebody killed it.
        case workerEnded(String, byFault: Bool = false)
        /// Every address answered over UDP and TCP with our token.
        case probeAnswered(round: UInt64)
        /// There is no address that could be asked now.
        case probeImpossible(round: UInt64)
        /// It ran while the last probe was not answered.
        case workerWasBusy
        /// An ordinary look-up of this node reached our worker, at every address.
        case interceptionProved(round: UInt64)
        /// A new configuration was checked, and its sockets are open.
        case configurationChecked(generation: UInt64)
        /// Something in a watched directory changed.
        case filesTouched
        /// The sockets cannot be put in use; the text says why.
        case socketsRefused(String)
        /// Traffic was given up, and another agent on this node takes it.
        case anotherAgentServes
        /// Somebody changed links, addresses or tables of the node.
        case networkTouched
        case signal(ProcessSignal)
        /// A deadline may have passed.
        case timePassed
    }

    /// Something to be done now, in the order given.
    package enum Action: Hashable, Sendable {
        /// Start a worker and send it all sockets and the configuration of this generation.
        case spawnWorker(generation: UInt64)
        /// Send the new sockets and the configuration of this generation.
        case sendConfiguration(generation: UInt64)
        /// The worker serves it: sockets that only others wanted can be closed.
        case adoptConfiguration(generation: UInt64)
        /// It is not served: forget it, and count.
        case dropConfiguration(generation: UInt64, reason: String)
        /// A worker is there to read them.
        case putSocketsInUse
        /// What the last worker had read and not answered is not for the next one.
        case forgetOwed
        case drainWorker
        case killWorker
        /// Ask all addresses; `missed`: so many rounds before had no answer.
        case sendProbe(round: UInt64, missed: Int)
        /// Forget what has not been answered; say so when it is news.
        case abandonProbe(round: UInt64, tellsWhatIsMissing: Bool)
        /// Ask all addresses as anybody does, to see whether the traffic is ours.
        case testInterception(round: UInt64, missed: Int)
        /// It was not; say so when it is news.
        case abandonInterceptionTest(tellsWhatIsMissing: Bool)
        case commitInterception
        /// Ask every address what the kernel waits to see answered.
        case sendHeartbeat
        case withdrawInterception
        /// Take nothing new, but keep the connections that are open.
        case finishInterception
        case reconcileNetwork
        /// An agent of the other kind that still lives writes its rules again and again.
        case removeForeignRules
        case tearDownNetwork
        /// Look at all files; `isForced`: somebody asked for it.
        case readConfiguration(isForced: Bool)
        case writePIDFile
        case removePIDFile
        case log(Severity, String)
        case exit(code: CInt)

        /// Asks, many times a second, and changes nothing.
        var isQuestion: Bool {
            switch self {
            case .sendProbe, .sendHeartbeat, .testInterception: true
            default: false
            }
        }
    }

    package enum Severity: Hashable, Sendable {
        case info, warning, error, fatal
    }

    /// Where the process is in its life.
    enum Phase: Hashable, Sendable {
        case waiting
        case running
        /// The worker answers what is left until then; `isKilled`: it had its time.
        case draining(until: Instant, isKilled: Bool)
        case stopped
    }

    /// The worker, as far as we can tell.
    enum Worker: Hashable, Sendable {
        /// There is none; the next one starts then.
        case absent(nextStart: Instant)
        /// It was started, and has not said `ready`.
        case starting(since: Instant)
        case serving(since: Instant)
        /// It did not start in time, or hung, and was killed; its end will be reported.
        case condemned(since: Instant)
    }

    let times: SupervisorTimes
    /// `-skipteardown`: link and rules are left as they are.
    let skipsTeardown: Bool

    /// `-drain-delay`: how long we go on as before after we were told to end.
    let drainDelay: Interval
    /// `lameduck` of the health plugin in the configuration in use, the same thing; zero without.
    package var lameduck = Interval.zero
    /// Without the upstream Service's address we could not do what cluster DNS does: its traffic is left to it.
    package var awaitsUpstream = false

    var phase = Phase.waiting
    var worker: Worker
    /// Starts in a row that ended too soon; decides the back-off.
    var quickEnds: UInt64 = 0
    /// The newest configuration that a worker has served.
    var accepted: UInt64?
    /// A newer one that no worker has answered for yet.
    var candidate: UInt64?
    /// What the worker was sent and has not answered: it gets the next one only then, because with its answer
    /// it closes the sockets that the next one may want.
    var unanswered: UInt64?

    var probeRound: UInt64 = 0
    var probe = Probe.idle(next: nil)
    var missedProbes = 0
    /// Of these, the ones that it missed while it ran.
    var busyMisses = 0
    /// Whether we asked for traffic to be sent to us.
    package internal(set) var isIntercepting = false
    /// Whether the worker answered the last probe.
    package internal(set) var isProven = false
    var wasEverProven = false
    var areSocketsInUse = false
    var interceptionTest = InterceptionTest()
    /// When we leave; nil until we are told to.
    var departure: Instant?
    /// Whether this worker ever answered a probe.
    var isWorkerKnown = false
    var withdrawal: Instant?
    /// The last line about a worker's end.
    var lastEnd: String?
    /// When the next sign of life is due.
    var heartbeat: Instant?
    var interrupts = 0

    var filesRead: Instant?
    var filesPoll: Instant?
    var networkRepair: Instant?
    var networkSync: Instant?

    /// The probe in flight, or the time of the next.
    enum Probe: Hashable, Sendable {
        case idle(next: Instant?)
        case asked(deadline: Instant)
    }

    package init(times: SupervisorTimes, skipsTeardown: Bool = false, drainDelay: Interval = .zero) {
        self.times = times
        self.drainDelay = drainDelay
        self.skipsTeardown = skipsTeardown
        self.worker = .absent(nextStart: Instant(nanoseconds: .max))
    }
}

// MARK: - The door

extension SupervisorState {
    /// Takes note of an event and says what to do. Deadlines that have passed are handled with any event.
    package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions: [Action] = []
        switch event {
        case .started(let generation): start(generation, at: now, &actions)
        case .workerReady(let generation): workerReady(generation, at: now, &actions)
        case .workerRejected(let generation, let reason): workerRejected(generation, reason, &actions)
        case .workerEnded(let how, let byFault): workerEnded(how, byFault: byFault, at: now, &actions)
        case .probeAnswered(let round): probeAnswered(round, at: now, &actions)
        case .probeImpossible(let round): probeImpossible(round, at: now, &actions)
        case .workerWasBusy: if missedProbes > 0 { busyMisses += 1 }
        case .interceptionProved(let round): interceptionProved(round, at: now)
        case .configurationChecked(let generation): offer(generation, &actions)
        case .filesTouched: filesTouched(at: now)
        case .socketsRefused(let reason): end(reason, &actions)
        case .anotherAgentServes: leaveToAnother(&actions)
        case .networkTouched: networkTouched(at: now)
        case .signal(let signal): take(signal, at: now, &actions)
        case .timePassed: break
        }
        checkDeadlines(at: now, &actions)
        return actions
    }

    /// The next time at which `timePassed` must be told; nil: never.
    package var deadline: Instant? {
        switch phase {
        case .waiting, .stopped: return nil
        case .draining(let until, _): return until
        case .running: break
        }
        let supervision = [
            workerDeadline, probeDeadline, withdrawal, interceptionTest.deadline, departure, heartbeat,
        ]
        let upkeep = [filesRead, filesPoll, networkRepair, networkSync]
        return (supervision + upkeep).compactMap { $0 }.min()
    }

    private mutating func start(_ generation: UInt64, at now: Instant, _ actions: inout [Action]) {
        guard phase == .waiting else { return }
        phase = .running
        candidate = generation
        filesPoll = now + times.filesPoll
        networkSync = now + times.networkSync
        worker = .absent(nextStart: now)
    }

    private mutating func checkDeadlines(at now: Instant, _ actions: inout [Action]) {
        switch phase {
        case .waiting, .stopped: break
        case .draining(let until, let isKilled):
            if until <= now { drainingTookTooLong(isKilled: isKilled, at: now, &actions) }
        case .running:
            if let departure, departure <= now { return drain(at: now, &actions) }
            checkWorker(at: now, &actions)
            checkProbe(at: now, &actions)
            if let heartbeat, heartbeat <= now { beatHeart(at: now, &actions) }
            checkInterception(at: now, &actions)
            checkUpkeep(at: now, &actions)
        }
    }
}
