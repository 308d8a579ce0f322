// The plugins above the cache, on the way of a query whose block has any.

import Addresses
import DNSWire
import Timing

extension QueryPipeline {
    /// Has the block's gates look at the query; nil when all let it pass.
    mutating func passGates(
        _ packet: Span<UInt8>,
        _ table: ZoneTable,
        _ index: Int,
        _ arrival: Arrival,
        client: Endpoint?,
        into output: inout MutableSpan<UInt8>
    ) -> Verdict? {
        let zone = table.zones[index]
        for gate in zone.block.gates {
            switch gate.judge(query, packet: packet, from: client, into: &output) {
            case .pass: continue
            case .drop: return .drop
            case .reply(let written, let author):
                let limit = arrival.transport == .udp ? output.count : Limits.messageSize
                let size = filter(packet, table, index, size: written, limit: limit, &output)
                let nanoseconds = (now() - arrival.at).nanoseconds
                let code = HeaderFlags(rawValue: Span(_mutableSpan: output).uint16(at: 2)).responseCode
                zone.counters.count(record(author, code, size, nanoseconds, arrival), thread: thread)
                if !zone.block.logRules.isEmpty {
                    log.note(
                        query,
                        packet: packet,
                        reply: Span(_mutableSpan: output),
                        size: size,
                        rules: zone.block.logRules,
                        client: client,
                        transport: arrival.transport,
                        nanoseconds: nanoseconds
                    )
                }
                return .reply(size)
            }
        }
        return nil
    }

    /// Has the block's filters change a reply; returns its new size.
    mutating func filter(
        _ packet: Span<UInt8>,
        _ table: ZoneTable,
        _ index: Int,
        size: Int,
        limit: Int,
        _ output: inout MutableSpan<UInt8>
    ) -> Int {
        var size = size
        for filter in table.zones[index].block.filters {
            size = filter.change(
                &output,
                size: size,
                limit: min(limit, output.count),
                to: query,
                packet: packet,
                random: &random
            )
        }
        return size
    }
}
