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
            onLoop: { question in
                let zone = question.table.zones[question.zone]
                let source = question.replyPath?.client?.description ?? ""
                let probe = zone.block.loop?.probe.description ?? ""
                logger.error(
                    """
                    plugin/loop: Loop (\(source) -> \(question.table.server)) detected for zone "\(zone.name)", \
                    see https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO \(probe)". This block asks \
                    nobody any more until its configuration changes
                    """
                )
            }
        )
        return WorkerLoop(
            eventLoop: eventLoop,
            network: network,
            desk: desk,
            streams: StreamDesk(pipeline: pipeline, accept: { desk.accept($0) }),
            failures: failures,
            upstreamCounters: upstreamCounters
        )
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
