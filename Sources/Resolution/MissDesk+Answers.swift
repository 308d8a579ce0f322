// The second half of the desk's work: an answer or a failure has come, everybody who waited gets a reply.

import AnswerCache
import DNSWire
import Timing

// MARK: - The answer comes

extension MissDesk {
    func finish(_ key: FlightKey, _ first: PendingQuery, _ outcome: SourceOutcome) {
        guard let flight = inFlight.complete(key) else { return }
        let effort = clocks.now() - flight.startedAt
        if first.reason == .ahead { aheadUnderWay -= 1 }
        switch outcome {
        case .failed(let failure):
            // Not ready: nobody was asked, and that costs nothing to find out again.
            fail(flight.waiting, first, failure, after: failure.extendedError == .notReady ? nil : effort)
        case .unanswered(let code):
            if readAgain(first) {
                first.table.zones[first.zone].block.cache?.refreshFailed(query, at: clocks.now())
            }
            for pending in flight.waiting { answerError(pending, code, nil) }
        case .answered(let message, let author, let server):
            do throws(AnswerMessage.Flaw) {
                settle(flight.waiting, first, key.name, try AnswerMessage(message), by: author)
            } catch {
                first.table.zones[first.zone].counters.countDrop(thread: thread)
                let failure = UpstreamFailure(
                    responseCode: .serverFailure,
                    extendedError: .networkError,
                    description: "malformed reply from \(server): \(error.rawValue)"
                )
                fail(flight.waiting, first, failure, after: effort)
            }
        }
    }

    private func settle(
        _ waiting: [PendingQuery],
        _ first: PendingQuery,
        _ name: DomainName,
        _ answer: AnswerMessage,
        by author: ReplyAuthor
    ) {
        let block = first.table.zones[first.zone].block
        guard readAgain(first) else { return }
        // What an upstream says about itself stays here; what a `template` says is meant for the client.
        let explanation = author == .template ? answer.extendedError : nil
        // Last of all: nobody waits for what is learnt from a denial.
        let type = query.type
        defer { if answer.responseCode == .nameError { observeDenial(name, type, to: waiting) } }
        guard let cache = block.cache, block.usesCache(name, query.type, first.family) else {
            for pending in waiting { answerClient(pending, answer, nil, explanation, author: author) }
            return
        }
        let lifetime = Lifetime(
            of: answer,
            type: query.type,
            settings: cache.settings,
            wallClock: clocks.wallClock()
        )
        let isUnasked = first.reason == .ahead && !waiting.contains { $0.replyPath != nil }
        if isUnasked, lifetime.kind == .serverError {
            // The client that was expected shall try for itself.
        } else if let kind = lifetime.kind, block.cacheScope.keeps(kind, name) {
            keep(answer, as: kind, for: lifetime.seconds, in: cache)
            if first.reason == .ahead, !isUnasked { cache.noteDemand(query) }
        } else if lifetime.isConclusive {
            cache.forgetStale(query, at: clocks.now())
        } else {
            cache.refreshFailed(query, at: clocks.now())
        }
        let isFailure = answer.responseCode != .noError && answer.responseCode != .nameError
        for (index, pending) in waiting.enumerated() where pending.replyPath != nil {
            // RFC 8767, 4: a failure is no reason to withhold an answer that was good a while ago.
            if pending.reason == .verify, isFailure, readAgain(pending),
                answerFromCache(pending, cache, acceptsStale: true)
            {
                continue
            }
            answerClient(
                pending,
                answer,
                lifetime,
                explanation,
                author: .cache,
                isRead: index == 0 && pending.packet == first.packet
            )
        }
    }

    /// Nobody could be asked. `effort` is how long finding out took; nil when it was known beforehand.
    func fail(
        _ waiting: [PendingQuery],
        _ first: PendingQuery,
        _ failure: UpstreamFailure,
        after effort: Interval? = nil
    ) {
        let block = first.table.zones[first.zone].block
        let isUnasked = first.reason == .ahead && !waiting.contains { $0.replyPath != nil }
        if !isUnasked, readAgain(first), let name = query.domainName {
            if let effort { remember(failure, name, block, effort) }
            if block.logsErrors { failures.note(block, failure, name, query.type, at: clocks.now()) }
        }
        for pending in waiting where readAgain(pending) {
            if pending.reason == .verify, let cache = block.cache,
                answerFromCache(pending, cache, acceptsStale: true)
            {
                continue
            }
            answerError(pending, failure.responseCode, failure.extendedError)
        }
    }

    /// Failures of our own limits say nothing about the name.
    private func remember(
        _ failure: UpstreamFailure,
        _ name: DomainName,
        _ block: ServerBlock,
        _ effort: Interval
    ) {
        guard let cache = block.cache, block.cacheScope.covers(name) else { return }
        if failure.responseCode == .serverFailure, failure.extendedError != .other,
            block.cacheScope.keeps(.serverError, name)
        {
            cache.insertFailure(for: query, after: effort, at: clocks.now())
        } else {
            cache.refreshFailed(query, at: clocks.now())
        }
    }

    private func keep(
        _ answer: AnswerMessage,
        as kind: AnswerKind,
        for lifetime: UInt32,
        in cache: ShardedCache
    ) {
        let now = clocks.now()
        guard cache.insert(answer, for: query, as: kind, lifetime: lifetime, at: now) == .noRoom else {
            return
        }
        // What there is of the budget is in other blocks' caches, or in other shards: the fullest one gives some back.
        let caches = exchanges.values.compactMap(\.block.cache)
        caches.max { $0.census().octets < $1.census().octets }?.makeRoom(
            for: answer,
            to: query,
            as: kind,
            at: now
        )
        cache.insert(answer, for: query, as: kind, lifetime: lifetime, at: now)
    }

    func readAgain(_ pending: PendingQuery) -> Bool {
        query.read(pending.packet.span, hashing: hashing) == .accepted
    }
}

// MARK: - Replies

extension MissDesk {
    func limit(_ pending: PendingQuery) -> Int {
        pending.transport == .udp
            ? min(query.udpLimit, pending.table.zones[pending.zone].block.udpCeiling) : Limits.messageSize
    }

    /// `isRead`: `query` holds this client's message already, and need not be read a third time.
    private func answerClient(
        _ pending: PendingQuery,
        _ answer: AnswerMessage,
        _ lifetime: Lifetime?,
        _ explanation: ExtendedErrorOption?,
        author: ReplyAuthor,
        isRead: Bool = false
    ) {
        guard pending.replyPath != nil, isRead || readAgain(pending) else { return }
        var output = buffer.mutableSpan
        var size = ReplyWriter.write(
            answer.wire.span,
            ttlOffsets: answer.ttlOffsets.span,
            extendedCode: answer.responseCode.rawValue >> 4,
            to: query,
            packet: pending.packet.span,
            style: ReplyStyle(timeToLive: lifetime?.seconds, isAuthoritative: false, limit: limit(pending)),
            into: &output
        )
        if let explanation {
            size = ReplyWriter.add(
                explanation,
                to: &output,
                size: size,
                limit: limit(pending),
                questionEnd: query.questionEnd
            )
        }
        deliver(pending, size: size, author: author, ReplyClass(lifetime?.kind ?? answer.kindWithoutCache))
    }

    func answerError(_ pending: PendingQuery, _ code: ResponseCode, _ error: ExtendedError?) {
        guard pending.replyPath != nil, readAgain(pending) else { return }
        var output = buffer.mutableSpan
        let size = ReplyWriter.writeError(
            code,
            to: query,
            packet: pending.packet.span,
            extendedError: error,
            into: &output
        )
        deliver(pending, size: size, author: .server, .error)
    }

    /// Sends what stands in the buffer, counts it, and logs it where the block wants that.
    func deliver(_ pending: PendingQuery, size: Int, author: ReplyAuthor, _ kind: ReplyClass) {
        let size = filter(pending, size: size)
        let octets = buffer
        let reply = octets.span.extracting(0..<size)
        // Last of all, because a client may ask its next question from within.
        defer { pending.replyPath?.deliver(reply) }
        let zone = pending.table.zones[pending.zone]
        if !zone.block.taps.isEmpty { tapReply(reply, to: pending) }
        let nanoseconds = (clocks.now() - pending.arrivedAt).nanoseconds
        let flags = HeaderFlags(rawValue: reply.uint16(at: 2))
        zone.counters.observeMiss(nanoseconds: nanoseconds, thread: thread)
        zone.counters.count(
            QueryRecord(
                family: pending.family,
                transport: pending.transport,
                type: query.type,
                dnssecOK: query.dnssecOK,
                author: author,
                code: flags.responseCode,
                requestSize: pending.packet.count,
                responseSize: author == .server ? 0 : size,
                nanoseconds: nanoseconds
            ),
            thread: thread
        )
        if !zone.block.logRules.isEmpty, let name = query.domainName {
            let written = author == .server ? nil : flags
            let event = LogEvent(
                query,
                name: name,
                client: pending.replyPath?.client,
                transport: pending.transport,
                flags: written,
                code: written?.responseCode,
                replySize: author == .server ? 0 : size,
                nanoseconds: nanoseconds
            )
            log.note(event, name, zone.block.logRules, kind)
        }
    }

    /// Has the block's plugins change what stands in the buffer; returns its new size.
    private func filter(_ pending: PendingQuery, size: Int) -> Int {
        var size = size
        let filters = pending.table.zones[pending.zone].block.filters
        guard !filters.isEmpty else { return size }
        let limit = limit(pending)
        var output = buffer.mutableSpan
        for filter in filters {
            size = filter.change(
                &output,
                size: size,
                limit: limit,
                to: query,
                packet: pending.packet.span,
                random: &random
            )
        }
        return size
    }
}

extension AnswerMessage {
    /// What `log` calls a reply of a block without `cache`.
    fileprivate var kindWithoutCache: AnswerKind? {
        switch responseCode {
        case .noError: summary.answers == 0 && summary.hasSOA ? .denial : .success
        case .nameError where summary.hasSOA: .denial
        default: nil
        }
    }
}
