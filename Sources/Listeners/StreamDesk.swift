// What all TCP sessions share: the pipeline of the event loop, its reply buffer, the limits, the way to
// upstream. Confined to the loop.

import Addresses
import DNSWire
import NIOCore
package import Resolution

/// Answers for the TCP sessions of one event loop.
package final class StreamDesk {
    let limits: StreamLimits
    private var pipeline: QueryPipeline
    private var buffer = [UInt8](repeating: 0, count: Limits.messageSize)
    private let accept: (PendingQuery) -> Void
    private var connections = 0
    /// We are about to end: a connection that has its answers is closed, so that its client turns elsewhere.
    package var isLeaving = false
    private var connectionsByClient: [IPAddress: Int] = [:]

    /// `accept` takes the questions that the cache could not answer.
    package init(
        pipeline: consuming QueryPipeline,
        limits: StreamLimits = StreamLimits(),
        accept: @escaping (PendingQuery) -> Void
    ) {
        self.pipeline = pipeline
        self.limits = limits
        self.accept = accept
    }

    /// Answers `packet`; a reply is handed to `send` before this returns.
    func answer(
        _ packet: Span<UInt8>,
        on table: ZoneTable,
        _ arrival: Arrival,
        client: Endpoint,
        send: (Span<UInt8>) -> Void
    ) -> Verdict {
        var output = buffer.mutableSpan
        let verdict = pipeline.answer(packet, on: table, arrival, client: client, into: &output)
        switch verdict {
        case .reply(let size), .replyAndRefresh(let size, _):
            let octets = buffer
            send(octets.span.extracting(0..<size))
            pipeline.repliesHaveLeft(table, arrival)
        case .ask, .drop: break
        }
        return verdict
    }

    func ask(_ question: PendingQuery) { accept(question) }

    /// Whether another connection of `client` is welcome; if so it is counted.
    func admit(_ client: IPAddress) -> Bool {
        let ofClient = connectionsByClient[client, default: 0]
        guard connections < limits.connections, ofClient < limits.connectionsPerClient else { return false }
        connections += 1
        connectionsByClient[client] = ofClient + 1
        return true
    }

    func forget(_ client: IPAddress) {
        connections -= 1
        let left = connectionsByClient[client, default: 1] - 1
        connectionsByClient[client] = left == 0 ? nil : left
    }
}
