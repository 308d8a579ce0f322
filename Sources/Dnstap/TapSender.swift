// One observer: what the threads that answer hand over, and what a scrape shows. The connection lives on an event loop
// of its own, so that a slow observer, or one that comes and goes, delays no query.

package import DNSWire
import NIOCore
package import Resolution
import Telemetry
import Timing

/// Sends copies to one observer.
package final class TapSender: MessageTap {
    private let settings: DnstapSettings
    private let wallClock: @Sendable (Instant) -> UInt64
    private let queue: TapQueue
    private let counters: TapCounters
    private let eventLoop: any EventLoop
    private let connection: NIOLoopBound<TapConnection>

    /// `wallClock` says the time of day at an instant, in nanoseconds since 1970; `tell` hears what an operator
    /// should. Call on `eventLoop`.
    init(
        _ settings: DnstapSettings,
        eventLoop: any EventLoop,
        wallClock: @escaping @Sendable (Instant) -> UInt64,
        tell: @escaping @Sendable (TapNews) -> Void
    ) {
        self.settings = settings
        self.wallClock = wallClock
        self.eventLoop = eventLoop
        queue = TapQueue(settings.limits)
        counters = TapCounters()
        let connection = TapConnection(
            to: settings,
            queue: queue,
            counters: counters,
            eventLoop: eventLoop,
            tell: tell
        )
        self.connection = NIOLoopBound(connection, eventLoop: eventLoop)
        connection.connect()
    }

    package func copy(
        _ event: TapEvent,
        _ message: Span<UInt8>,
        of query: borrowing Query,
        _ parties: TapParties
    ) {
        guard !queue.isFull else { return counters.dropped.add() }
        let extra = settings.extra?.line(
            for: query,
            from: parties.client,
            over: parties.transport ?? .udp
        )
        let data = TapMessage.encoded(
            event,
            settings.isFull ? message : nil,
            parties,
            extra: Array((extra ?? "").utf8),
            of: settings,
            wallClock: wallClock
        )
        switch queue.put(FrameStream.frame(data)) {
        case .dropped: counters.dropped.add()
        case .queued: break
        case .queuedFirst:
            let connection = self.connection
            eventLoop.execute { connection.value.flushSoon() }
        }
    }

    /// Sends what waits, says good-bye, and ends; not longer than the limits say.
    func close() -> EventLoopFuture<Void> {
        let connection = self.connection
        return eventLoop.flatSubmit { connection.value.close() }
    }

    func collect(into snapshot: inout MetricSnapshot) {
        let to = "\(settings.target)"
        snapshot.add(.dnstapMessages, labels: ["sent", to], counters.sent.value)
        snapshot.add(.dnstapMessages, labels: ["dropped", to], counters.dropped.value)
        snapshot.add(.dnstapConnected, labels: [to], Double(counters.isConnected.value))
    }
}

/// Numbers of one observer.
final class TapCounters: Sendable {
    let sent = SharedCounter()
    let dropped = SharedCounter()
    let isConnected = SharedGauge()
}

/// What an operator should know about an observer.
package enum TapNews: Sendable, Hashable {
    case connected(DnstapSettings.Target)
    /// The first failure since it was connected, and why.
    case lost(DnstapSettings.Target, String)
}

extension TapNews: CustomStringConvertible {
    package var description: String {
        switch self {
        case .connected(let target): "plugin/dnstap: copies go to \(target)"
        case .lost(let target, let reason):
            "plugin/dnstap: \(target) cannot be reached (\(reason)); copies are dropped until it can"
        }
    }
}
