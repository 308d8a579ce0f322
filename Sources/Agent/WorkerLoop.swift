// What lives on the worker's event loop: the desk for misses, the TCP listeners, the upstream groups. Called from the loop only; the control thread reaches it through `WorkerLoop.Handle`.

import Addresses
import DNSWire
import Kernel
import Listeners
import Logging
import NIOCore
import Resolution
import Timing
import Upstream

/// The event loop's half of the worker.
final class WorkerLoop {
    /// How long what an old configuration built is kept for questions that are still on their way to us.
    private static let retirement = TimeAmount.seconds(5)

    let eventLoop: any EventLoop
    private let desk: MissDesk
    let streams: StreamDesk
    let failures: FailureLog
    private let network: NIONetwork
    private let upstreamCounters: UpstreamCounters
    /// Looks for loops of a new group.
    private let watch: (ForwardGroup) -> Void
    private let onDiscovery: (ForwardSettings.Discovery, [Endpoint]) -> Void
    private var groups: [ForwardSettings: [any ForwardLine]] = [:]
    private var blocks: [ServerBlock] = []
    var listeners: [Endpoint: StreamListener] = [:]

    init(
        eventLoop: any EventLoop,
        network: NIONetwork,
        desk: MissDesk,
        streams: StreamDesk,
        failures: FailureLog,
        upstreamCounters: UpstreamCounters,
        watch: @escaping (ForwardGroup) -> Void,
        onDiscovery: @escaping (ForwardSettings.Discovery, [Endpoint]) -> Void
    ) {
        self.eventLoop = eventLoop
        self.desk = desk
        self.streams = streams
        self.failures = failures
        self.upstreamCounters = upstreamCounters
        self.network = network
        self.watch = watch
        self.onDiscovery = onDiscovery
        let failures = NIOLoopBound(failures, eventLoop: eventLoop)
        eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            failures.value.flush(at: MonotonicClock.now())
        }
    }

    func accept(_ question: PendingQuery) { desk.accept(question) }

    /// Clients that wait for upstream now.
    var waiting: Int { desk.waiting }
}

// MARK: - Configuration

extension WorkerLoop {
    /// A TCP socket and what answers on it.
    struct StreamPlace: Sendable {
        let socket: SharedDescriptor
        let endpoint: Endpoint
        let table: ZoneTable
        /// Nil for plain DNS.
        let credentials: StreamCredentials?
    }

    /// Asks for the blocks of `plan` from now on. Groups whose settings did not change keep their connections.
    func adopt(_ plan: ServingPlan, mostWaiting: Int) {
        desk.mostWaiting = mostWaiting
        var kept = groups
        groups = [:]
        let retired = blocks
        blocks = plan.blocks.map(\.block)
        for planned in plan.blocks {
            let exchanges = planned.settings.map { settings -> any ForwardLine in
                let group = kept[settings]?.popLast() ?? newGroup(settings)
                groups[settings, default: []].append(group)
                return group
            }
            desk.serve(planned.block, by: exchanges)
        }
        let idle = kept.values.flatMap { $0 }
        network.wake(at: network.now + Interval(nanoseconds: UInt64(Self.retirement.nanoseconds))) { [desk] in
            for block in retired { desk.retire(block) }
            for group in idle { group.close() }
        }
    }

    private func newGroup(_ settings: ForwardSettings) -> any ForwardLine {
        if let discovery = settings.discovery {
            return DiscoveredGroup(
                discovery,
                settings,
                network: network,
                counters: upstreamCounters,
                onNewGroup: watch,
                onChange: { [onDiscovery] in onDiscovery(discovery, $0) }
            )
        }
        let group = ForwardGroup(settings, network: network, counters: upstreamCounters)
        watch(group)
        return group
    }

    /// Accepts on `places` and nowhere else. Open connections live on with the new tables; those of a place
    /// that is given up have the time that retired blocks have.
    func listen(on places: [StreamPlace], _ completion: @escaping (Result<Void, any Error>) -> Void) {
        let wanted = Set(places.map(\.endpoint))
        for (endpoint, listener) in listeners where !wanted.contains(endpoint) {
            listener.close()
            listeners[endpoint] = nil
            eventLoop.scheduleTask(in: Self.retirement) { listener.closeConnections() }
        }
        var starting: [EventLoopFuture<Void>] = []
        for place in places {
            if let listener = listeners[place.endpoint] {
                listener.adopt(place.table, place.credentials)
                continue
            }
            do {
                let start = try StreamListener.start(
                    on: place.socket,
                    table: place.table,
                    credentials: place.credentials,
                    desk: streams,
                    eventLoop: eventLoop
                )
                let bound = NIOLoopBound(self, eventLoop: eventLoop)
                starting.append(start.map { bound.value.listeners[place.endpoint] = $0 })
            } catch {
                starting.append(eventLoop.makeFailedFuture(error))
            }
        }
        let done = NIOLoopBound(completion, eventLoop: eventLoop)
        EventLoopFuture.andAllSucceed(starting, on: eventLoop).whenComplete { done.value($0) }
    }
}
