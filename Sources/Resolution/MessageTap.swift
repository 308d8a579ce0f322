// Copies of what passes, for observers (`dnstap`). A block without them pays one test of a flag.

package import Addresses
package import DNSWire
package import Timing

/// Which message of a query's way was copied.
package enum TapEvent: String, Sendable, CaseIterable {
    case clientQuery
    case clientResponse
    /// What an upstream was asked; copied when its answer is there.
    case forwarderQuery
    case forwarderResponse
}

/// Who speaks to whom, how, and when.
package struct TapParties: Sendable, Hashable {
    package let client: Endpoint
    /// The upstream; nil for messages of clients, and where none has answered.
    package let server: Endpoint?
    /// Nil where it is not known.
    package let transport: Transport?
    package let askedAt: Instant
    /// Nil for a query.
    package let answeredAt: Instant?

    package init(
        client: Endpoint,
        server: Endpoint? = nil,
        transport: Transport?,
        askedAt: Instant,
        answeredAt: Instant? = nil
    ) {
        self.client = client
        self.server = server
        self.transport = transport
        self.askedAt = askedAt
        self.answeredAt = answeredAt
    }
}

/// Somebody who gets copies. Called on every thread that answers; never waits.
package protocol MessageTap: Sendable {
    /// Takes note of `message`, which belongs to the client's `query`.
    func copy(_ event: TapEvent, _ message: Span<UInt8>, of query: borrowing Query, _ parties: TapParties)
}

// MARK: - On the thread that read the query

extension QueryPipeline {
    /// Copies a query to the observers of its block.
    func tapQuery(
        _ packet: Span<UInt8>,
        _ table: ZoneTable,
        _ index: Int,
        _ arrival: Arrival,
        client: Endpoint?
    ) {
        guard let client else { return }
        let parties = TapParties(client: client, transport: arrival.transport, askedAt: arrival.at)
        for tap in table.zones[index].block.taps { tap.copy(.clientQuery, packet, of: query, parties) }
    }

    /// Copies the reply of a verdict, if it is one.
    func tapReply(
        _ verdict: Verdict,
        in output: Span<UInt8>,
        _ table: ZoneTable,
        _ index: Int,
        _ arrival: Arrival,
        client: Endpoint?
    ) {
        let size: Int
        switch verdict {
        case .reply(let written), .replyAndRefresh(let written, _): size = written
        case .ask, .drop: return
        }
        guard let client else { return }
        let parties = TapParties(
            client: client,
            transport: arrival.transport,
            askedAt: arrival.at,
            answeredAt: now()
        )
        for tap in table.zones[index].block.taps {
            tap.copy(.clientResponse, output.extracting(0..<size), of: query, parties)
        }
    }
}

// MARK: - On the event loop

extension MissDesk {
    /// Copies a late reply. Look-ups that a plugin makes have no client, and no observer.
    func tapReply(_ reply: Span<UInt8>, to pending: PendingQuery) {
        guard let client = pending.replyPath?.client else { return }
        let parties = TapParties(
            client: client,
            transport: pending.transport,
            askedAt: pending.arrivedAt,
            answeredAt: clocks.now()
        )
        for tap in pending.table.zones[pending.zone].block.taps {
            tap.copy(.clientResponse, reply, of: query, parties)
        }
    }

    /// Copies what an upstream was asked at `askedAt`, and what it said.
    func tapForward(
        _ question: SourceQuestion,
        _ route: ForwardRoute,
        _ outcome: UpstreamOutcome,
        askedAt: Instant,
        for pending: PendingQuery
    ) {
        guard let client = pending.replyPath?.client, readAgain(pending) else { return }
        var answer: (message: [UInt8], server: Endpoint)?
        if case .answered(let message, let server) = outcome { answer = (message, server) }
        let transport = route.asksAsClient ? pending.transport : route.transport
        let answeredAt = clocks.now()
        let parties = { (answeredAt: Instant?) in
            TapParties(
                client: client,
                server: answer?.server,
                transport: transport,
                askedAt: askedAt,
                answeredAt: answeredAt
            )
        }
        for tap in pending.table.zones[pending.zone].block.taps {
            tap.copy(.forwarderQuery, question.query.message.span, of: query, parties(nil))
            guard let answer else { continue }
            tap.copy(.forwarderResponse, answer.message.span, of: query, parties(answeredAt))
        }
    }
}
