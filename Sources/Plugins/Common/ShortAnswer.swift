// Answers of one record that are known beforehand, written without allocation on the thread that read the query.

import DNSWire

/// One record, owned by the name that is asked.
struct ShortAnswer: Sendable {
    let type: RecordType
    let timeToLive: UInt32
    let data: [UInt8]

    /// Character strings in the form of TXT and HINFO (RFC 1035, 3.3).
    static func text(_ strings: [String]) -> [UInt8] {
        strings.flatMap { string -> [UInt8] in
            let octets = Array(string.utf8.prefix(255))
            return [UInt8(octets.count)] + octets
        }
    }

    /// Writes the reply; returns its size.
    func write(
        to query: borrowing Query,
        packet: Span<UInt8>,
        into output: inout MutableSpan<UInt8>
    ) -> Int {
        ReplyWriter.writeRecord(
            type,
            timeToLive: timeToLive,
            data: data.span,
            to: query,
            packet: packet,
            into: &output
        )
    }
}
