// Asking ahead of clients: what a search list will lead to is asked while the client still reads its first
// denial. Answers are kept by the rules for all answers, so that nothing changes but the waiting.

import Addresses
import AnswerCache
import DNSWire
import Telemetry
import Timing

extension MissDesk {
    /// Questions asked ahead that may be under way: a fraction of what clients may have there.
    private static let mostAhead = 128
    /// After so long it is known whether anybody wanted an answer: a resolver asks within milliseconds, and
    /// denials stay for five seconds at least.
    private static let judgement = Interval.seconds(2)

    /// A client asks what is not in the cache.
    func observeQuestion(_ pending: PendingQuery, _ name: DomainName) {
        guard observesSearches, query.recordClass == .internet, let client = pending.replyPath?.client else {
            return
        }
        searchPath.asked(name, query.type, by: client.address, at: clocks.now())
    }

    /// A name was denied to those who waited for it.
    func observeDenial(_ name: DomainName, _ type: RecordType, to waiting: [PendingQuery]) {
        guard observesSearches else { return }
        let now = clocks.now()
        for client in waiting.lazy.compactMap({ $0.replyPath?.client }) {
            searchPath.denied(name, type, to: client.address, at: now)
        }
        if SearchPath.types.contains(type), let asker = waiting.first(where: { $0.replyPath != nil }),
            let rate = asker.table.zones[asker.zone].block.searchAhead
        {
            lookAhead(of: asker, name, atMost: rate)
        }
    }

    private func lookAhead(of asker: PendingQuery, _ name: DomainName, atMost rate: Int) {
        var asked: [Ahead] = []
        for follower in searchPath.followers(of: name) {
            for type in follower.types {
                guard readAgain(asker), query.recordClass == .internet else { return }
                let packet = QueryMessage.question(follower.name, type, like: query)
                if let pending = askAhead(packet, of: asker, follower.name, atMost: rate) {
                    asked.append(Ahead(pending: pending, step: follower.step))
                }
            }
        }
        guard !asked.isEmpty else { return }
        alarm(clocks.now() + Self.judgement) { [self] in judge(asked) }
    }

    private struct Ahead {
        let pending: PendingQuery
        let step: DomainName
    }

    /// Asks for `name`, unless that is known or under way, or a limit forbids it.
    private func askAhead(
        _ packet: [UInt8],
        of asker: PendingQuery,
        _ name: DomainName,
        atMost rate: Int
    ) -> PendingQuery? {
        let now = clocks.now()
        guard query.read(packet.span, hashing: hashing) == .accepted,
            let index = asker.table.zone(for: query, hashing: hashing, by: asker.asker)
        else { return nil }
        let block = asker.table.zones[index].block
        guard let cache = block.cache, block.cacheScope.covers(name), !cache.holdsFresh(query, at: now),
            let route = block.forwards.first(where: { $0.takes(name) }), !route.isLimited
        else { return nil }
        let pending = PendingQuery(
            packet: packet,
            table: asker.table,
            zone: index,
            reason: .ahead,
            arrivedAt: now,
            replyPath: nil,
            family: asker.family,
            transport: asker.transport
        )
        let key = key(of: pending, name, block)
        guard inFlight[key] == nil else { return nil }
        guard aheadUnderWay < Self.mostAhead, searchPath.mayAsk(atMost: rate, at: now),
            inFlight.admit(pending, as: key, at: now) == .first
        else {
            counters.aheadLimited.add()
            return nil
        }
        aheadUnderWay += 1
        counters.aheadAsked.add()
        ask(key, pending)
        return pending
    }

    /// Did anybody want the answers? Only their own entries in the cache know: hits are not seen here.
    private func judge(_ asked: [Ahead]) {
        for ahead in asked {
            guard readAgain(ahead.pending),
                let cache = ahead.pending.table.zones[ahead.pending.zone].block.cache,
                let wasUsed = cache.wasAskedFor(query)
            else { continue }
            if wasUsed { counters.aheadUsed.add() }
            searchPath.judge(ahead.step, wasUsed: wasUsed)
        }
    }
}
