// What is counted of a query on the thread that read it, and the reply that says nothing but REFUSED.

import Addresses
import DNSWire
import Timing

extension QueryPipeline {
    func refuse(
        _ packet: Span<UInt8>,
        _ counters: ZoneCounters,
        _ arrival: Arrival,
        into output: inout MutableSpan<UInt8>
    ) -> Verdict {
        let size = ReplyWriter.writeError(.refused, to: query, packet: packet, into: &output)
        counters.count(
            record(.server, .refused, 0, (now() - arrival.at).nanoseconds, arrival),
            thread: thread
        )
        return .reply(size)
    }

    func record(
        _ author: ReplyAuthor,
        _ code: ResponseCode,
        _ replySize: Int,
        _ nanoseconds: UInt64?,
        _ arrival: Arrival
    ) -> QueryRecord {
        QueryRecord(
            family: arrival.family,
            transport: arrival.transport,
            type: query.type,
            dnssecOK: query.dnssecOK,
            author: author,
            code: code,
            requestSize: query.size,
            responseSize: replySize,
            nanoseconds: nanoseconds
        )
    }
}
