// The worker: takes sockets and configurations from the supervisor, and has threads and event loop serve
// them. Lives on the control thread; what runs elsewhere it reaches by `PacketThread.adopt` and by tasks on
// the loop.

import Addresses
import AnswerCache
import Control
import Corefile
import DNSWire
import Dnstap
import Glibc
import Kernel
import Listeners
import Logging
import NIOCore
import NIOPosix
import Plugins
import Resolution
import Telemetry
import Timing
import Upstream

/// A worker that serves. Made by its first configuration, which tells how many threads it has.
final class Worker {
    private let logger: Logger
    private let group: MultiThreadedEventLoopGroup
    private let eventLoop: any EventLoop
    private let foundation: ServingPlan.Foundation
    private let registry: ZoneRegistry
    private let taps: TapRegistry
    private let threadsPerSocket: Int
    private let makePipeline: @Sendable (Int) -> QueryPipeline
    private let misses: MissQueue
    private let datagramCounters = DatagramCounters()
    private var packetThreads: [SocketStock.DatagramPlace.Key: PacketThread] = [:]
    private let packetThreadWatch = PacketThreadWatch()
    private let loop: NIOLoopBound<WorkerLoop>
    private let endpoints: ProbeEndpoints
    private let ownNumbers: WorkerNumbers
    private let supervisorNumbers = SupervisorNumbers()
    private var sockets = SocketStock()
    private var plan: ServingPlan?

    /// As the kernel knows it: in a pod on the host network, the node's.
    private static let hostName: String = {
        let name = try? Files.read("/proc/sys/kernel/hostname")
        return String(decoding: name ?? [], as: UTF8.self).split(separator: "\n").first.map { String($0) }
            ?? ""
    }()

    /// Made for the first configuration, which is then to be adopted; threads and queue stay as it says.
    init(for message: ConfigurationMessage, logger: Logger) throws {
        let count = message.threads
        self.logger = logger
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        self.group = group
        let eventLoop = group.next()
        self.eventLoop = eventLoop
        var random = SystemRandomNumberGenerator()
        let hashing = NameHash(key: random.next(), multiplier: random.next())
        // The threads of both families of a wildcard listener count in the same cells, then the event loop.
        let cells = 2 * count + 1
        let registry = ZoneRegistry(threads: cells)
        self.registry = registry
        let budget = ByteBudget(limit: message.cacheBudget)
        let pluginNumbers = PluginNumbers(
            host: Self.hostName,
            wallClock: { MonotonicClock.wallClockSeconds() }
        )
        let taps = TapRegistry(
            wallClock: { MonotonicClock.wallClock(at: $0) },
            tell: { news in
                switch news {
                case .connected: logger.info("\(news)")
                case .lost: logger.warning("\(news)")
                }
            }
        )
        self.taps = taps
        foundation = ServingPlan.Foundation(
            hashing: hashing,
            budget: budget,
            registry: registry,
            numbers: pluginNumbers,
            tap: { try taps.sender(DnstapSettings($0, host: Self.hostName)) },
            random: { UInt64.random(in: 0...(.max)) }
        )
        let rejections = RejectionCounters()
        let identity = ProbeIdentity(token: message.token)
        let queryLog = QueryLog { logger.info("\($0)") }
        let makePipeline = { @Sendable (thread: Int) in
            QueryPipeline(
                hashing: hashing,
                thread: thread,
                rejections: rejections,
                identity: identity,
                log: queryLog,
                now: { MonotonicClock.now() }
            )
        }
        let deskCounters = DeskCounters()
        let upstreamCounters = UpstreamCounters()
        loop = try eventLoop.submit {
            let loop = WorkerLoop.make(
                eventLoop: eventLoop,
                hashing: hashing,
                thread: cells - 1,
                pipeline: makePipeline(cells - 1),
                log: queryLog,
                counters: deskCounters,
                upstreamCounters: upstreamCounters,
                logger: logger
            )
            return NIOLoopBound(loop, eventLoop: eventLoop)
        }.wait()
        misses = try MissQueue(
            eventLoop: eventLoop,
            capacity: min(MissQueue.enough, message.mostWaiting)
        ) { [loop] in loop.value.accept($0) }
        threadsPerSocket = count
        // A thread that has its address for itself is asked by the supervisor.
        if count > 1 { Self.look(after: packetThreadWatch, on: eventLoop, logger) }
        self.makePipeline = makePipeline
        ownNumbers = WorkerNumbers(budget: budget)
        endpoints = ProbeEndpoints(
            sources: [
                registry, rejections, deskCounters, misses, datagramCounters, upstreamCounters, taps,
                pluginNumbers,
                ownNumbers,
            ],
            supervisor: supervisorNumbers,
            logger: logger
        )
    }
}

// MARK: - Packet threads

extension Worker {
    /// Ends the process when one of several packet threads stands still: the next worker has them all.
    private static func look(
        after threads: PacketThreadWatch,
        on eventLoop: any EventLoop,
        _ logger: Logger
    ) {
        let interval = TimeAmount.nanoseconds(Int64(PacketThreadWatch.interval.nanoseconds))
        eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            guard let thread = threads.look() else { return }
            logger.critical("worker: \(thread) takes no questions any more: leaving them to the next worker")
            // Not `exit`, which would run what the still thread may hold up; and a core, where one is wanted, shows it.
            abort()
        }
    }
}

// MARK: - Messages of the supervisor

extension Worker {
    func add(_ more: [ListeningSocket]) { sockets.add(more) }

    func show(_ snapshot: [UInt8]) { supervisorNumbers.show(snapshot) }

    /// All that this process has counted, for the supervisor's port.
    var numbers: [UInt8] { endpoints.numbers.encoded() }

    /// Serves `message` from now on; throws why it cannot, and then nothing has changed.
    func adopt(_ message: ConfigurationMessage) throws {
        do {
            try serve(message)
        } catch {
            // Its sockets go too: kept, they would share their ports with those of a later configuration, and
            // nobody would read them.
            if let plan { sockets.keep(only: plan) }
            throw error
        }
    }

    private func serve(_ message: ConfigurationMessage) throws {
        guard let recorded = RecordedSources(serialized: message.recorded) else {
            throw WorkerError.recordUnreadable
        }
        let check = CorefileCheck.run(
            message.mainFile,
            sources: recorded.sources,
            defaultPort: message.defaultPort
        )
        guard let configuration = check.configuration else {
            throw WorkerError.invalid(check.diagnostics.map(\.description).joined(separator: "; "))
        }
        let plan = try ServingPlan(configuration, after: self.plan, on: foundation)
        let stock = try sockets.places(for: plan, threads: threadsPerSocket)

        foundation.budget.change(limit: message.cacheBudget)
        let loop = self.loop
        let streams = stock.streams
        let mostWaiting = message.mostWaiting
        let promise = eventLoop.makePromise(of: Void.self)
        let shared = UncheckedBox(plan)
        eventLoop.execute {
            loop.value.adopt(shared.value, mostWaiting: mostWaiting)
            loop.value.listen(on: streams) { promise.completeWith($0) }
        }
        try promise.futureResult.wait()
        // Only now: datagrams wait for us since a worker died, and the loop must know the block of every miss.
        let started = try startThreads(for: stock.datagrams)
        for place in stock.datagrams { packetThreads[place.key]?.adopt(place.listener.table) }
        packetThreads.merge(started) { old, _ in old }
        let wanted = Set(stock.datagrams.map(\.key))
        let unwanted = packetThreads.filter { !wanted.contains($0.key) }
        packetThreads = packetThreads.filter { wanted.contains($0.key) }
        packetThreadWatch.watch(packetThreads.values)
        for thread in unwanted.values { thread.stop() }
        sockets.keep(only: plan)
        registry.adopt(plan)
        taps.keep(only: plan.taps(host: Self.hostName))
        ownNumbers.adopt(plan)
        endpoints.adopt(plan.configuration)
        self.plan = plan
    }

    /// Threads for the sockets that have none yet.
    private func startThreads(
        for places: [SocketStock.DatagramPlace]
    ) throws -> [SocketStock.DatagramPlace.Key: PacketThread] {
        var started: [SocketStock.DatagramPlace.Key: PacketThread] = [:]
        do {
            for place in places where packetThreads[place.key] == nil {
                let number = place.key.slot + (place.listener.family == .v6 ? threadsPerSocket : 0)
                started[place.key] = try PacketThread.start(
                    place.listener,
                    number: number,
                    pipeline: makePipeline(number),
                    misses: misses,
                    counters: datagramCounters
                )
            }
        } catch {
            for thread in started.values { thread.stop() }
            throw error
        }
        return started
    }

    /// Leaves to another agent, or to nobody, what is not ours yet; answers what is. Returns when all is answered,
    /// or its time is over.
    func drain() {
        packetThreadWatch.watch([])
        for thread in packetThreads.values { thread.leaveGroup() }
        let loop = self.loop
        let promise = eventLoop.makePromise(of: Void.self)
        eventLoop.execute { loop.value.leave() }
        Thread.pause(DrainTimes.onTheWay)
        for thread in packetThreads.values { thread.stop() }
        eventLoop.execute { loop.value.drain { promise.succeed() } }
        try? promise.futureResult.wait()
        taps.close()
        endpoints.stop()
    }
}

/// Why a configuration cannot be served.
enum WorkerError: Error, CustomStringConvertible {
    case recordUnreadable
    case invalid(String)
    case noSocket(String)

    var description: String {
        switch self {
        case .recordUnreadable: "the recorded configuration is unreadable"
        case .invalid(let text): text
        case .noSocket(let endpoint): "no socket for \(endpoint) was handed over"
        }
    }
}

/// Carries an immutable value of types without `Sendable` to the loop.
struct UncheckedBox<Value>: @unchecked Sendable {
    // SAFETY: the value is not changed after it was boxed, and reference types in it are `Sendable` themselves.
    let value: Value

    init(_ value: Value) { self.value = value }
}
