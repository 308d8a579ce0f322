// Puts the event loop's half of the worker together.

import Addresses
import DNSWire
import Kernel
import Listeners
import Logging
import NIOCore
import Resolution
import Upstream

extension WorkerLoop {
    /// Call on `eventLoop`; `thread` is the number of its cells in every counter.
    static func make(
        eventLoop: any EventLoop,
        hashing: NameHash,
        thread: Int,
        pipeline: consuming QueryPipeline,
        log: QueryLog,
        counters: DeskCounters,
        upstreamCounters: UpstreamCounters,
        logger: Logger
    ) -> WorkerLoop {
        // A flood of misses must not hold up hits, which are the packet threads'.
        Thread.giveWay()
        let failures = FailureLog { level, text in logger.log(level: Logger.Level(level), "\(text)") }
        let network = NIONetwork(eventLoop: eventLoop)
        let loops = LoopDetector()
        let desk = MissDesk(
            hashing: hashing,
            clocks: Clocks(
                now: { MonotonicClock.now() },
                wallClock: { MonotonicClock.wallClockSeconds() }
            ),
            thread: thread,
            counters: counters,
            log: log,
            failures: failures,
            alarm: { network.wake(at: $0, $1) },
            loops: loops
        )
        return WorkerLoop(
            eventLoop: eventLoop,
            network: network,
            desk: desk,
            streams: StreamDesk(pipeline: pipeline, accept: { desk.accept($0) }),
            failures: failures,
            upstreamCounters: upstreamCounters,
            watch: { group in LoopWatch.start(on: group, detector: loops) { $0.tell(logger) } },
            onDiscovery: { discovery, servers in
                let list = servers.map(\.description).joined(separator: " ")
                logger.info("plugin/forward: \(discovery.name) leads to \(list)")
            }
        )
    }
}

extension LoopWatch.Event {
    /// CoreDNS' words, by which people look for help, and ours.
    fileprivate func tell(_ logger: Logger) {
        switch self {
        case .found(let upstream, let sighting):
            let client = sighting.client?.description ?? ""
            logger.error(
                """
                plugin/loop: Loop (\(client) -> \(sighting.server)) detected for zone "\(sighting.zone)", \
                see https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO \(sighting.name)". Upstream \
                \(upstream) leads back to us and is not asked any more until it does not
                """
            )
        case .gone(let upstream):
            logger.info(
                "plugin/loop: Upstream \(upstream) does not lead back to us any more: it is asked again"
            )
        }
    }
}

extension Logger.Level {
    init(_ level: FailureLevel) {
        self =
            switch level {
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
    }
}
