// A question's way below the cache: from one plugin to the next, to the upstreams, and into the server again
// where a plugin needs to know another name first.

import Addresses
import DNSWire
import Timing

extension MissDesk {
    /// Look-ups inside look-ups, such as an alias that a template gives for an alias; CoreDNS' bound.
    static let maximumDepth = 8

    /// Leads the question that `query` holds through its block; everybody who waits is answered in the end.
    func ask(_ key: FlightKey, _ pending: PendingQuery) {
        let upstream = UpstreamQuery(
            message: QueryMessage.forwarding(query, packet: pending.packet.span),
            questionEnd: query.questionEnd,
            clientTransport: pending.transport
        )
        let question = SourceQuestion(
            upstream,
            name: key.name,
            type: key.type,
            recordClass: key.recordClass
        )
        lead(question, pending, from: 0) { [self] outcome in finish(key, pending, outcome) }
    }

    /// Leads a question through the links of its block, from the one at `start` on.
    private func lead(
        _ question: SourceQuestion,
        _ pending: PendingQuery,
        from start: Int,
        _ completion: @escaping (SourceOutcome) -> Void
    ) {
        let block = pending.table.zones[pending.zone].block
        for index in block.links.indices.dropFirst(start) {
            switch block.links[index] {
            case .plugin(let source):
                let context = context(pending, behind: index)
                source.ask(question, in: context, completion)
                return
            case .forward(let route):
                guard let exchange = exchange(of: route, for: question, block) else { continue }
                forward(question, pending, to: exchange, route, at: index, completion)
                return
            }
        }
        let last = block.links.last.map { link -> String in
            if case .plugin(let source) = link { source.name } else { "forward" }
        }
        let failure = UpstreamFailure(
            responseCode: .serverFailure,
            extendedError: .notReady,
            description: "plugin/\(last ?? "forward"): no next plugin found"
        )
        completion(.failed(failure))
    }

    // MARK: - Forwarding

    /// Whom a `forward` line asks, if it takes the name.
    private func exchange(
        of route: ForwardRoute,
        for question: SourceQuestion,
        _ block: ServerBlock
    ) -> (any Exchange)? {
        guard route.takes(question.name),
            let asked = exchanges[ObjectIdentifier(block)], route.exchange < asked.exchanges.count
        else { return nil }
        return asked.exchanges[route.exchange]
    }

    private func forward(
        _ question: SourceQuestion,
        _ pending: PendingQuery,
        to exchange: any Exchange,
        _ route: ForwardRoute,
        at index: Int,
        _ completion: @escaping (SourceOutcome) -> Void
    ) {
        let block = pending.table.zones[pending.zone].block
        let askedAt = clocks.now()
        exchange.ask(question.query) { [self] outcome in
            if !block.taps.isEmpty {
                tapForward(question, route, outcome, askedAt: askedAt, for: pending)
            }
            switch outcome {
            case .failed(let failure): completion(.failed(failure))
            case .answered(let message, let server):
                // `next`: replies with some codes are left to the following `forward` line, when there is one.
                let isLeft =
                    message.count >= Limits.headerSize
                    && route.next.contains(HeaderFlags(rawValue: message.span.uint16(at: 2)).responseCode)
                if isLeft, let following = self.following(index, for: question, block) {
                    lead(question, pending, from: following, completion)
                } else {
                    completion(.answered(message, by: .forward, from: .server(server)))
                }
            }
        }
    }

    /// The next `forward` line that takes the question, behind the link at `index`.
    private func following(_ index: Int, for question: SourceQuestion, _ block: ServerBlock) -> Int? {
        block.links.indices.dropFirst(index + 1).first { later in
            guard case .forward(let route) = block.links[later] else { return false }
            return exchange(of: route, for: question, block) != nil
        }
    }

    // MARK: - What a plugin may do

    private func context(_ pending: PendingQuery, behind index: Int) -> SourceContext {
        let depth = (pending.replyPath as? InnerPath)?.depth ?? 0
        return SourceContext(
            client: pending.replyPath?.client,
            family: pending.family,
            server: pending.table.server,
            zone: pending.table.zones[pending.zone].name,
            view: pending.table.zones[pending.zone].view?.name ?? "",
            next: { [self] question, completion in lead(question, pending, from: index + 1, completion) },
            lookUp: depth >= Self.maximumDepth
                ? nil
                : { [self] name, type, completion in
                    lookUp(name, type, for: pending, InnerPath(depth: depth + 1, completion))
                }
        )
    }

    /// Asks the server as a client would, so that the answer is cached, counted and logged.
    private func lookUp(_ name: DomainName, _ type: RecordType, for pending: PendingQuery, _ path: InnerPath)
    {
        let packet = QueryMessage.question(name, type, id: 0)
        var inner = Query()
        guard inner.read(packet.span, hashing: hashing) == .accepted,
            let zone = pending.table.zone(for: inner, hashing: hashing, by: pending.asker)
        else {
            path.deliver(QueryMessage.refusal(of: packet).span)
            return
        }
        accept(
            PendingQuery(
                packet: packet,
                table: pending.table,
                zone: zone,
                reason: .miss,
                arrivedAt: clocks.now(),
                replyPath: path,
                family: pending.family,
                transport: .tcp
            )
        )
    }
}

/// The way back to a plugin that asked. Replies come on the event loop, where the plugin lives.
private struct InnerPath: ReplyPath, @unchecked Sendable {
    // SAFETY: made, called and dropped on the event loop only; `ReplyPath` is Sendable for the paths of clients,
    // which begin on other threads.
    private let completion: ([UInt8]) -> Void
    let depth: Int
    var transport: Transport { .tcp }
    var client: Endpoint? { nil }

    init(depth: Int, _ completion: @escaping ([UInt8]) -> Void) {
        self.depth = depth
        self.completion = completion
    }

    func deliver(_ reply: Span<UInt8>) { completion(reply.array(0..<reply.count)) }
}
