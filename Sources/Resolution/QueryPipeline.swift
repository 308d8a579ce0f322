// One query's way on the thread that read it: accept, choose the block, look up, answer. What needs upstream
// leaves as a verdict. Between receive and send of a hit nothing here allocates, logs or waits.

package import Addresses
import AnswerCache
package import DNSWire
import Telemetry
package import Timing

/// How a message came.
package struct Arrival: Sendable {
    package var family: IPAddress.Family
    package var transport: Transport
    package var at: Instant

    package init(family: IPAddress.Family, transport: Transport, at: Instant) {
        self.family = family
        self.transport = transport
        self.at = at
    }
}

/// The steps of a query; one per thread, with the thread's buffers and counters.
package struct QueryPipeline: ~Copyable {
    var query = Query()
    private let hashing: NameHash
    let thread: Int
    private let rejections: RejectionCounters
    private let identity: ProbeIdentity
    let now: @Sendable () -> Instant
    let log: QueryLog
    /// Hits whose replies have not left yet; runs of the same zone. As long as a batch, so that it never grows.
    private var unsent: [HitRun] = []
    var random: RandomStream

    private struct HitRun {
        let zone: Int
        var hits: UInt64
    }

    /// `thread` chooses the cells of every counter; `now` is read when replies have left.
    package init(
        hashing: NameHash,
        thread: Int,
        rejections: RejectionCounters,
        identity: ProbeIdentity,
        log: QueryLog,
        random: RandomStream = RandomStream(seed: .random(in: 1...(.max))),
        now: @escaping @Sendable () -> Instant
    ) {
        self.hashing = hashing
        self.thread = thread
        self.rejections = rejections
        self.identity = identity
        self.log = log
        self.random = random
        self.now = now
        unsent.reserveCapacity(Self.usualBatch)
    }

    private static let usualBatch = 64
}

// MARK: - The way

extension QueryPipeline {
    /// Answers `packet`, or says what else to do with it. `output` has room for the transport's largest reply.
    package mutating func answer(
        _ packet: Span<UInt8>,
        on table: ZoneTable,
        _ arrival: Arrival,
        client: @autoclosure () -> Endpoint?,
        into output: inout MutableSpan<UInt8>
    ) -> Verdict {
        switch query.read(packet, hashing: hashing) {
        case .accepted: break
        case .ignored(let reason):
            rejections.count(reason.rejection)
            return .drop
        case .rejected(let code, let withQuestion):
            rejections.count(Rejection(code))
            return .reply(
                ReplyWriter.writeError(
                    code,
                    to: query,
                    packet: packet,
                    withQuestion: withQuestion,
                    into: &output
                )
            )
        }
        if !query.isOfInternet {
            if let size = identity.answer(query, packet: packet, into: &output) { return .reply(size) }
            guard table.passesOtherClasses else {
                return refuse(packet, table.dropped, arrival, into: &output)
            }
        }
        let index = table.zone(
            for: query,
            hashing: hashing,
            // As a closure it would keep the table for itself, by a reference that all packet threads count.
            by: table.hasViews
                ? Asker(client: client(), server: table.endpoint, transport: arrival.transport) : nil
        )
        guard let index, table.slots.answersQueries(index) else {
            return refuse(packet, table.dropped, arrival, into: &output)
        }
        guard table.slots.hasTaps(index) else {
            return answer(packet, of: index, on: table, arrival, client: client(), into: &output)
        }
        tapQuery(packet, table, index, arrival, client: client())
        let verdict = answer(packet, of: index, on: table, arrival, client: client(), into: &output)
        tapReply(verdict, in: Span(_mutableSpan: output), table, index, arrival, client: client())
        return verdict
    }

    /// The way behind the choice of the block.
    @inline(__always)
    private mutating func answer(
        _ packet: Span<UInt8>,
        of index: Int,
        on table: ZoneTable,
        _ arrival: Arrival,
        client: @autoclosure () -> Endpoint?,
        into output: inout MutableSpan<UInt8>
    ) -> Verdict {
        if query.isTransfer {
            // A transfer is a stream of messages from an authority; one message of it helps nobody.
            return refuse(packet, table.zones[index].counters, arrival, into: &output)
        }
        if table.slots.hasGates(index) {
            let verdict = passGates(packet, table, index, arrival, client: client(), into: &output)
            if let verdict { return verdict }
        }
        let verdict = lookUp(packet, table, index, arrival, client: client(), into: &output)
        guard case .ask(let zone, let reason) = verdict, table.slots.isLost(zone) else { return verdict }
        if reason == .miss, table.slots.admitsQuestion(zone, at: arrival.at) { return verdict }
        let found = answerFromCacheOrFail(
            packet,
            on: table,
            zone: zone,
            arrival,
            because: .noReachableAuthority,
            client: client(),
            into: &output
        )
        // Who can be given an old answer does not wait for the trial.
        if found.wantsRefresh, table.slots.admitsQuestion(zone, at: arrival.at) { return found }
        rejections.unreachable.add()
        return found.withoutRefresh
    }

    /// Answers what `answer` has just left to upstream, while there is no room to ask. `zone` is the verdict's.
    package mutating func answerWithoutAsking(
        _ packet: Span<UInt8>,
        on table: ZoneTable,
        zone: Int,
        _ arrival: Arrival,
        client: @autoclosure () -> Endpoint?,
        into output: inout MutableSpan<UInt8>
    ) -> Verdict {
        let verdict = answerFromCacheOrFail(
            packet,
            on: table,
            zone: zone,
            arrival,
            because: .notReady,
            client: client(),
            into: &output
        )
        if table.slots.hasTaps(zone) {
            tapReply(verdict, in: Span(_mutableSpan: output), table, zone, arrival, client: client())
        }
        return verdict.withoutRefresh
    }

    /// With a stale answer where the settings allow one, else SERVFAIL.
    private mutating func answerFromCacheOrFail(
        _ packet: Span<UInt8>,
        on table: ZoneTable,
        zone: Int,
        _ arrival: Arrival,
        because reason: ExtendedError,
        client: @autoclosure () -> Endpoint?,
        into output: inout MutableSpan<UInt8>
    ) -> Verdict {
        let found = lookUp(packet, table, zone, arrival, acceptsStale: true, client: client(), into: &output)
        switch found {
        case .reply, .replyAndRefresh, .drop: return found
        case .ask:
            let size = ReplyWriter.writeError(
                .serverFailure,
                to: query,
                packet: packet,
                extendedError: reason,
                into: &output
            )
            let nanoseconds = (now() - arrival.at).nanoseconds
            let record = record(.server, .serverFailure, 0, nanoseconds, arrival)
            table.slots.withCounters(zone) { counters in
                counters.countMiss(thread: thread)
                counters.count(record, thread: thread)
            }
            return .reply(size)
        }
    }

    private mutating func lookUp(
        _ packet: Span<UInt8>,
        _ table: ZoneTable,
        _ index: Int,
        _ arrival: Arrival,
        acceptsStale: Bool = false,
        client: @autoclosure () -> Endpoint?,
        into output: inout MutableSpan<UInt8>
    ) -> Verdict {
        if table.slots.isPartlyCached(index), !isCovered(table.zones[index].block, arrival) {
            return .ask(zone: index, .miss)
        }
        let limit =
            arrival.transport == .udp
            ? min(query.udpLimit, table.slots.udpCeiling(index)) : Limits.messageSize
        var options = LookupOptions(limit: limit)
        options.acceptsStale = acceptsStale
        let found = table.slots.withCache(index) { cache in
            cache.lookup(
                query,
                packet: packet,
                options: options,
                at: arrival.at,
                into: &output
            )
        }
        switch found {
        case .miss, nil: return .ask(zone: index, .miss)
        case .staleIfUpstreamFails: return .ask(zone: index, .verify)
        case .hit(let hit):
            let size =
                table.slots.hasFilters(index)
                ? filter(packet, table, index, size: hit.size, limit: limit, &output) : hit.size
            let code = HeaderFlags(rawValue: Span(_mutableSpan: output).uint16(at: 2)).responseCode
            let record = record(.cache, code, size, nil, arrival)
            table.slots.withCounters(index) { counters in
                counters.countHit(hit.kind, isStale: hit.isStale, thread: thread)
                counters.count(record, thread: thread)
            }
            noteUnsent(index)
            if table.slots.logs(index) {
                log.note(
                    query,
                    packet: packet,
                    reply: Span(_mutableSpan: output),
                    size: size,
                    rules: table.zones[index].block.logRules,
                    client: client(),
                    transport: arrival.transport,
                    nanoseconds: (now() - arrival.at).nanoseconds
                )
            }
            return hit.wantsRefresh ? .replyAndRefresh(size, zone: index) : .reply(size)
        }
    }

    private mutating func noteUnsent(_ zone: Int) {
        let last = unsent.count - 1
        if last >= 0, unsent[last].zone == zone {
            unsent[last].hits += 1
        } else {
            unsent.append(HitRun(zone: zone, hits: 1))
        }
    }

    /// The replies to what came with `arrival` have left: counts how long the hits among them took, all of them
    /// as long as the last, with one reading of the clock.
    package mutating func repliesHaveLeft(_ table: ZoneTable, _ arrival: Arrival) {
        if unsent.isEmpty { return }
        let nanoseconds = (now() - arrival.at).nanoseconds
        for run in unsent {
            table.slots.withCounters(run.zone) {
                $0.observeHits(run.hits, nanoseconds: nanoseconds, thread: thread)
            }
        }
        unsent.removeAll(keepingCapacity: true)
    }

    /// A cache for only some zones of its block is rare enough to make a name for.
    private func isCovered(_ block: ServerBlock, _ arrival: Arrival) -> Bool {
        guard let name = query.domainName else { return false }
        return block.usesCache(name, query.type, arrival.family)
    }
}
