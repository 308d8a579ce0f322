// The loop of the first process: waits for events on one thread, asks `SupervisorState` what they mean, and does
// it. Parses no packet of a client and holds no lock. Making ready what the loop starts with is `+Start`'s.

import Addresses
import Control
import Corefile
import Glibc
import Kernel
import Logging
import NodeNetwork
import Telemetry
import Timing

/// The supervisor of one agent.
package final class Supervisor {
    /// What a ready descriptor is; probes have the tokens from `firstProbe` on.
    enum Token {
        static let signals: UInt64 = 1
        static let timer: UInt64 = 2
        static let files: UInt64 = 3
        static let network: UInt64 = 4
        static let workerEnd: UInt64 = 5
        static let workerMessage: UInt64 = 6
        static let readyQuestion: UInt64 = 7
        static let upstream: UInt64 = 8
        static let firstProbe: UInt64 = 1000
    }

    let options: SupervisorOptions
    let world: SupervisorWorld
    let log: Logger
    let metrics: SupervisorMetrics
    let token: String

    let poller: Poller
    let signals: SignalDescriptor
    let timer: TimerDescriptor
    let files: DirectoryWatcher
    var watches: [String: CInt] = [:]

    var state: SupervisorState
    var source: ConfigurationSource
    var sockets: SocketKeeper
    let network: any NetworkKeeper
    /// Those of `-localip` that we take traffic of.
    let servedAddresses: [IPAddress]
    let serviceProxy: ServiceProxy
    var configurations: [UInt64: CheckedConfiguration] = [:]
    var newestGeneration: UInt64 = 1
    var accepted: CheckedConfiguration?
    var upstreamLookup: UpstreamLookup?
    let lastGood: LastGoodConfiguration
    /// Whether the first configuration is not what the files say.
    let startsWithStandIn: Bool

    var worker: WorkerLink? { didSet { snapshots.ask(over: worker?.channel) } }
    /// Answers the scrapes of the supervisor's port with the worker's numbers.
    let snapshots: WorkerSnapshots
    var startedWorkers = 0
    var probe: ProbeRound?
    let probeClients = ProbeClients()
    /// What the worker had used of the processors when the probe was sent.
    var processorTimeAtProbe: Interval?
    var interceptionTest: ProbeRound?
    /// What was left of node-cache when we last looked.
    var foreignRules = NetworkReport()
    /// The families for which the last test passed.
    var provenFamilies: Set<IPAddress.Family> = []
    let readiness: Readiness
    let readyDoor: LocalListener?
    private let heartbeat: Heartbeat?
    var nextProbeToken = Token.firstProbe
    var pendingEvents: [SupervisorState.Event] = []
    var exitCode: CInt?
    var numbersDue = Instant(nanoseconds: 0)

    /// A supervisor whose sockets, link and first configuration are there.
    init(
        options: SupervisorOptions,
        times: SupervisorTimes,
        world: SupervisorWorld,
        log: Logger,
        metrics: SupervisorMetrics,
        signals: consuming SignalDescriptor,
        source: ConfigurationSource,
        sockets: SocketKeeper,
        network: any NetworkKeeper,
        servedAddresses: [IPAddress],
        serviceProxy: ServiceProxy,
        configuration: CheckedConfiguration,
        lastGood: LastGoodConfiguration,
        startsWithStandIn: Bool,
        readiness: Readiness,
        readyDoor: LocalListener?,
        heartbeat: Heartbeat?,
        snapshots: WorkerSnapshots
    ) throws(SystemError) {
        self.options = options
        self.world = world
        self.log = log
        self.metrics = metrics
        self.token = Self.randomToken()
        self.poller = try Poller()
        self.signals = signals
        self.timer = try TimerDescriptor()
        self.files = try DirectoryWatcher()
        self.state = SupervisorState(
            times: times,
            skipsTeardown: options.skipsTeardown,
            drainDelay: options.drainDelay
        )
        self.source = source
        self.sockets = sockets
        self.network = network
        self.servedAddresses = servedAddresses
        self.serviceProxy = serviceProxy
        self.lastGood = lastGood
        self.startsWithStandIn = startsWithStandIn
        self.readiness = readiness
        self.readyDoor = readyDoor
        self.heartbeat = heartbeat
        self.snapshots = snapshots
        self.configurations[newestGeneration] = configuration
        try poller.add(self.signals.descriptor, token: Token.signals)
        try poller.add(timer.descriptor, token: Token.timer)
        try poller.add(files.descriptor, token: Token.files)
        if let readyDoor { try poller.add(readyDoor.descriptor, token: Token.readyQuestion) }
        for descriptor in network.descriptors { try poller.add(descriptor, token: Token.network) }
    }

    private static func randomToken() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in String(UInt32.random(in: .min ... .max, using: &generator), radix: 36) }
            .joined()
    }

    // MARK: - Events

    /// Runs until a signal or a fatal error ends it; the process' exit code.
    func run() -> CInt {
        watchDirectories()
        handle(.started(generation: newestGeneration))
        var alarm: Instant?
        while exitCode == nil {
            if state.deadline != alarm {
                alarm = state.deadline
                timer.set(alarm)
            }
            poller.wait(milliseconds: -1) { token in
                if exitCode == nil { ready(token) }
            }
        }
        worker?.process.kill()
        return exitCode ?? 0
    }

    private func ready(_ token: UInt64) {
        switch token {
        case Token.signals: while let signal = signals.next() { handle(.signal(signal)) }
        case Token.timer: handle(.timePassed)
        case Token.files: if files.drain() { handle(.filesTouched) }
        case Token.network: if network.drainEvents() { handle(.networkTouched) }
        case Token.upstream:
            upstreamLookup?.silence()
            handle(.filesTouched)
        case Token.workerEnd: workerMayHaveEnded()
        case Token.workerMessage: readWorker()
        case Token.readyQuestion: readyDoor?.answer(readiness.line)
        default: probeIsReady(token)
        }
    }

    func handle(_ event: SupervisorState.Event) {
        pendingEvents.append(event)
        var isNews = false
        while !pendingEvents.isEmpty, exitCode == nil {
            let actions = state.handle(pendingEvents.removeFirst(), at: MonotonicClock.now())
            for action in actions where exitCode == nil {
                perform(action)
                isNews = isNews || !action.isQuestion
            }
        }
        metrics.workerIsUp.set(state.isProven ? 1 : 0)
        metrics.configurationIsCurrent.set(source.isCurrent ? 1 : 0)
        readiness.set(unreadiness: state.unreadiness)
        showNumbers(atOnce: isNews)
    }

    private func perform(_ action: SupervisorState.Action) {
        switch action {
        case .spawnWorker(let generation): startWorker(generation)
        case .sendConfiguration(let generation): sendConfiguration(generation)
        case .adoptConfiguration(let generation): adopt(generation)
        case .dropConfiguration(let generation, let reason): drop(generation, reason)
        case .putSocketsInUse: putSocketsInUse()
        case .forgetOwed: sockets.forgetOwed()
        case .drainWorker:
            probeClients.removeAll()
            try? worker?.channel.send(.drain)
        case .killWorker: killWorker()
        case .sendProbe(let round, let missed): sendProbe(round, missed: missed)
        case .abandonProbe(_, let tellsWhatIsMissing): abandonProbe(tellsWhatIsMissing)
        case .sendHeartbeat: heartbeat?.beat()
        case .testInterception(let round, let missed): testInterception(round, missed: missed)
        case .abandonInterceptionTest(let tellsWhatIsMissing): abandonInterceptionTest(tellsWhatIsMissing)
        case .commitInterception:
            report(network.commitInterception())
            removeForeignRules()
        case .withdrawInterception: withdrawInterception()
        case .finishInterception: report(network.finishInterception())
        case .reconcileNetwork: report(network.reconcile(), isRepair: true)
        case .removeForeignRules: removeForeignRules()
        case .tearDownNetwork: report(network.tearDown())
        case .readConfiguration(let isForced): readConfiguration(isForced: isForced)
        case .writePIDFile: writePIDFile()
        case .removePIDFile: removePIDFile()
        case .log(let severity, let text): log.log(level: severity.level, "\(text)")
        case .exit(let code): exitCode = code
        }
    }

    // MARK: - The worker

    private func startWorker(_ generation: UInt64) {
        if startedWorkers > 0 {
            metrics.workerRestarts.add()
            // Who cannot serve leaves it to the fall-back, and these switch it off.
            if !state.wasEverProven { removeForeignRules() }
        }
        startedWorkers += 1
        do {
            let ends = try SupervisorChannel.make()
            let link = WorkerLink(try world.startWorker(ends.worker), ends.supervisor)
            worker = link
            try poller.add(link.process.descriptor, token: Token.workerEnd)
            try poller.add(link.channel.descriptor, token: Token.workerMessage)
        } catch {
            worker?.process.kill()
            worker = nil
            return pendingEvents.append(.workerEnded("\(error)", byFault: true))
        }
        sendConfiguration(generation)
    }

    private func sendConfiguration(_ generation: UInt64) {
        guard let worker, let configuration = configurations[generation] else { return }
        // Read again each time: a container's limit can be changed while it runs.
        let shares = memoryShares()
        let message = ConfigurationMessage(
            generation: generation,
            token: token,
            mainFile: configuration.check.mainFile,
            defaultPort: configuration.check.defaultPort,
            threads: options.threads,
            cacheBudget: shares.cacheBudget,
            mostWaiting: shares.mostWaiting,
            recorded: configuration.check.recorded.serialized
        )
        do throws(ControlError) {
            try worker.send(message, sockets: sockets.all)
        } catch {
            // Its end will be reported; then the next one gets it all.
            log.error("\(error)")
            worker.process.kill()
        }
    }

    private func readWorker() {
        guard let worker else { return }
        do throws(ControlError) {
            switch try worker.channel.receive() {
            case .message(.ready(let generation)): handle(.workerReady(generation: generation))
            case .message(.rejected(let generation, let reason)):
                handle(.workerRejected(generation: generation, reason: reason))
            case .message(.numbersWritten(let number)): snapshots.written(number)
            case .nothing: break
            case .end: poller.remove(worker.channel.descriptor)
            }
        } catch {
            log.error("\(error)")
            worker.process.kill()
            poller.remove(worker.channel.descriptor)
        }
    }

    private func workerMayHaveEnded() {
        guard let worker, let end = worker.process.reap() else { return }
        poller.remove(worker.process.descriptor)
        poller.remove(worker.channel.descriptor)
        self.worker = nil
        if end.isFault { metrics.workerFaults.add() }
        handle(.workerEnded("\(end)", byFault: end != .killed(signal: SIGKILL)))
    }
}
