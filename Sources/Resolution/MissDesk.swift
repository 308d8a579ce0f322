// What happens to a question that the cache could not answer: join those who ask the same, ask upstream once,
// keep the answer, answer everybody. Lives on one event loop and is called from nowhere else.

import AnswerCache
package import DNSWire
package import Telemetry
package import Timing

/// The time of day and the time that never jumps, as functions that tests replace.
package struct Clocks: Sendable {
    package let now: @Sendable () -> Instant
    /// Seconds since 1970.
    package let wallClock: @Sendable () -> UInt32

    package init(now: @escaping @Sendable () -> Instant, wallClock: @escaping @Sendable () -> UInt32) {
        self.now = now
        self.wallClock = wallClock
    }
}

/// Numbers of the desk that no zone owns.
package final class DeskCounters: MetricSource {
    let coalesced = SharedCounter()
    let shed = SharedCounter()
    let aheadAsked = SharedCounter()
    let aheadUsed = SharedCounter()
    let aheadLimited = SharedCounter()

    package init() {}

    package func collect(into snapshot: inout MetricSnapshot) {
        snapshot.add(.coalesced, coalesced.value)
        snapshot.add(.shed, labels: ["in_flight_full"], shed.value)
        snapshot.add(.searchAhead, labels: ["asked"], aheadAsked.value)
        snapshot.add(.searchAhead, labels: ["used"], aheadUsed.value)
        snapshot.add(.searchAhead, labels: ["limited"], aheadLimited.value)
    }
}

/// Asks upstream on behalf of all clients. Not `Sendable`: confined to its event loop.
package final class MissDesk {
    /// Whom to ask for a block; holds the block, so that its identity is not given to another.
    struct Asked {
        let block: ServerBlock
        let exchanges: [any Exchange]
    }

    package typealias Alarm = (Instant, @escaping () -> Void) -> Void

    let hashing: NameHash
    let clocks: Clocks
    /// Which cells of the zone counters are ours.
    let thread: Int
    let counters: DeskCounters
    let log: QueryLog
    let failures: FailureLog
    private let loops: LoopDetector
    /// Calls back at an instant, on the desk's event loop.
    let alarm: Alarm
    var inFlight = InFlightTable()
    var searchPath = SearchPath()
    /// Some block has `search_ahead`.
    private(set) var observesSearches = false
    /// Questions under way that nobody has asked yet.
    var aheadUnderWay = 0
    private(set) var exchanges: [ObjectIdentifier: Asked] = [:]
    var query = Query()
    var random: RandomStream
    /// Reused for every reply; as long as a message can be.
    var buffer = [UInt8](repeating: 0, count: Limits.messageSize)

    package init(
        hashing: NameHash,
        clocks: Clocks,
        thread: Int,
        counters: DeskCounters,
        log: QueryLog,
        failures: FailureLog,
        alarm: @escaping Alarm,
        random: RandomStream = RandomStream(seed: .random(in: 1...(.max))),
        loops: LoopDetector
    ) {
        self.hashing = hashing
        self.clocks = clocks
        self.thread = thread
        self.counters = counters
        self.log = log
        self.failures = failures
        self.alarm = alarm
        self.random = random
        self.loops = loops
    }

    /// Asks `exchanges` for `block` from now on, in the order of its `forward` lines.
    package func serve(_ block: ServerBlock, by exchanges: [any Exchange]) {
        self.exchanges[ObjectIdentifier(block)] = Asked(block: block, exchanges: exchanges)
        for exchange in exchanges { exchange.report(to: block.reachability) }
        observesSearches = observesSearches || block.searchAhead != nil
    }

    /// Forgets a block that no listener leads to any more, once its last questions have been taken over.
    package func retire(_ block: ServerBlock) {
        exchanges[ObjectIdentifier(block)] = nil
        observesSearches = exchanges.values.contains { $0.block.searchAhead != nil }
        failures.flush(block)
    }

    /// Clients that may wait at once.
    package var mostWaiting: Int {
        get { inFlight.capacity }
        set { inFlight.capacity = newValue }
    }

    /// Clients that wait now.
    package var waiting: Int { inFlight.waiting }
}

// MARK: - A question comes

extension MissDesk {
    /// Takes over a question; the client is answered from here, sooner or later.
    package func accept(_ pending: PendingQuery) {
        let zone = pending.table.zones[pending.zone]
        // The packet was accepted once already; reading it again costs less than carrying its parts along.
        guard query.read(pending.packet.span, hashing: hashing) == .accepted, let name = query.domainName
        else {
            return
        }
        observeQuestion(pending, name)
        if let cache = zone.block.cache, zone.block.usesCache(name, query.type, pending.family) {
            if pending.reason != .refresh, answerFromCache(pending, cache, acceptsStale: false) { return }
            switch pending.reason {
            case .refresh: zone.counters.countPrefetch(thread: thread)
            case .miss, .verify: zone.counters.countMiss(thread: thread)
            case .ahead: break
            }
        }
        if query.type == .hinfo, loops.note(sighting(of: name, pending), of: name) {
            // Here the round ends, and whoever asked hears that there is nothing.
            return answerError(pending, .nameError, .other)
        }
        board(key(of: pending, name, zone.block), pending, zone.block.cache)
    }

    func key(of pending: PendingQuery, _ name: DomainName, _ block: ServerBlock) -> FlightKey {
        var key = FlightKey(
            hash: query.hash,
            block: ObjectIdentifier(block),
            name: name,
            type: query.type,
            recordClass: query.recordClass,
            dnssecOK: query.dnssecOK,
            checkingDisabled: query.checkingDisabled,
            transport: .tcp,
            client: block.audience(pending.replyPath?.client, pending.family)
        )
        // What comes over TCP is whole and serves everybody.
        if block.asksAsClient, inFlight[key] == nil { key.transport = pending.transport }
        return key
    }

    /// Joins those who ask the same, or is the first of them.
    private func board(_ key: FlightKey, _ pending: PendingQuery, _ cache: ShardedCache?) {
        let now = clocks.now()
        let patience = pending.reason == .verify ? cache?.settings.stale?.patience : nil
        if let patience, let cache, let flight = inFlight[key], now - flight.startedAt >= patience,
            answerFromCache(pending, cache, acceptsStale: true)
        {
            return
        }
        switch inFlight.admit(pending, as: key, at: now) {
        case .joined: counters.coalesced.add()
        case .first: ask(key, pending)
        case .full:
            counters.shed.add()
            if pending.reason == .verify, let cache, answerFromCache(pending, cache, acceptsStale: true) {
                return
            }
            return answerError(pending, .serverFailure, .notReady)
        }
        guard let patience, inFlight.needsPatienceTimer(key), let flight = inFlight[key] else { return }
        alarm(flight.startedAt + patience) { [self] in endPatience(key, flight.number, pending) }
    }

    /// The client response timer of RFC 8767, 5: whoever has a stale answer gets it now; the question lives on.
    private func endPatience(_ key: FlightKey, _ number: UInt64, _ first: PendingQuery) {
        let released = inFlight.releaseVerifying(key, number: number)
        guard !released.isEmpty, let cache = first.table.zones[first.zone].block.cache, readAgain(first)
        else { return }
        cache.refreshIsLate(query, at: clocks.now())
        for pending in released {
            guard readAgain(pending), !answerFromCache(pending, cache, acceptsStale: true) else { continue }
            // Evicted meanwhile: it waits like any other.
            accept(pending)
        }
    }

    private func sighting(of name: DomainName, _ pending: PendingQuery) -> LoopDetector.Sighting {
        LoopDetector.Sighting(
            name: name,
            client: pending.replyPath?.client,
            server: pending.table.server,
            zone: pending.table.zones[pending.zone].name
        )
    }

    /// Somebody else's answer may have come while this question was on its way to us.
    func answerFromCache(_ pending: PendingQuery, _ cache: ShardedCache, acceptsStale: Bool) -> Bool {
        var options = LookupOptions(limit: limit(pending))
        options.acceptsStale = acceptsStale
        options.countsAsHit = false
        var output = buffer.mutableSpan
        let found = cache.lookup(
            query,
            packet: pending.packet.span,
            options: options,
            at: clocks.now(),
            into: &output
        )
        guard case .hit(let hit) = found, acceptsStale || !hit.isStale else { return false }
        pending.table.zones[pending.zone].counters.countHit(hit.kind, isStale: hit.isStale, thread: thread)
        deliver(pending, size: hit.size, author: .cache, ReplyClass(hit.kind))
        return true
    }
}
