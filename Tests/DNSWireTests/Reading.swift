// Short words for the tests of this folder. `Query` cannot be copied, so what was read is shown as a value.

import DNSWire
import TestSupport

/// The key of every test: hashes differ between programs, not between tests.
let hashing = NameHash(key: 0x0123_4567_89ab_cdef, multiplier: 0x9e37_79b9_7f4a_7c15)

/// What `Query.read` made of a packet.
struct Reading: Equatable {
    let acceptance: Query.Acceptance
    let name: String?
    let type: RecordType
    let recordClass: RecordClass
    let edns: Query.EDNS?
    let udpLimit: Int
    let questionEnd: Int

    init(_ packet: [UInt8]) {
        var query = Query()
        acceptance = query.read(packet.span, hashing: hashing)
        name = query.domainName?.description
        type = query.type
        recordClass = query.recordClass
        edns = query.edns
        udpLimit = query.udpLimit
        questionEnd = query.questionEnd
    }
}

/// The reply to `packet` that `write` makes, in `room` octets.
func reply(
    to packet: [UInt8],
    room: Int = 65_535,
    _ write: (borrowing Query, inout MutableSpan<UInt8>) -> Int
) -> [UInt8] {
    var query = Query()
    _ = query.read(packet.span, hashing: hashing)
    var buffer = [UInt8](repeating: 0xee, count: room)
    var output = buffer.mutableSpan
    let size = write(query, &output)
    return Array(buffer[..<size])
}

/// The reply to `packet` with a known answer.
func reply(with answer: AnswerMessage, to packet: [UInt8], style: ReplyStyle) -> [UInt8] {
    reply(to: packet) { query, output in
        ReplyWriter.write(
            answer.wire.span,
            ttlOffsets: answer.ttlOffsets.span,
            extendedCode: answer.responseCode.rawValue >> 4,
            to: query,
            packet: packet.span,
            style: style,
            into: &output
        )
    }
}
