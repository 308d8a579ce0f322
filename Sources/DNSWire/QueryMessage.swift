// Messages that we ask: the question of a client towards an upstream, and questions of our own.

package enum QueryMessage {
    /// The message for an upstream: id 0, the client's question in its spelling, RD, AD and CD as it sent
    /// them, and our own OPT record.
    ///
    /// The client's options stay here: a cookie or a padding is between two neighbours (RFC 7873, 5.4).
    package static func forwarding(_ query: borrowing Query, packet: Span<UInt8>) -> [UInt8] {
        let kept = HeaderFlags.recursionDesired | HeaderFlags.authenticData | HeaderFlags.checkingDisabled
        var message: [UInt8] = []
        message.reserveCapacity(query.questionEnd + Limits.optSize)
        appendHeader(flags: query.flags.rawValue & kept, additional: 1, to: &message)
        for index in Limits.headerSize..<query.questionEnd { message.append(packet[index]) }
        appendOPT(dnssecOK: query.dnssecOK, to: &message)
        return message
    }

    /// A question of our own.
    package static func question(
        _ name: DomainName,
        _ type: RecordType,
        class recordClass: RecordClass = .internet,
        id: UInt16,
        recursionDesired: Bool = true
    ) -> [UInt8] {
        var message: [UInt8] = []
        appendHeader(flags: recursionDesired ? HeaderFlags.recursionDesired : 0, additional: 0, to: &message)
        message[0] = UInt8(truncatingIfNeeded: id >> 8)
        message[1] = UInt8(truncatingIfNeeded: id)
        message += name.wire
        append(type.rawValue, to: &message)
        append(recordClass.rawValue, to: &message)
        return message
    }

    /// The question that the asker of `query` would ask next: its flags, and an OPT record where it sent one.
    package static func question(
        _ name: DomainName,
        _ type: RecordType,
        like query: borrowing Query
    ) -> [UInt8] {
        let kept = HeaderFlags.recursionDesired | HeaderFlags.authenticData | HeaderFlags.checkingDisabled
        var message: [UInt8] = []
        appendHeader(flags: query.flags.rawValue & kept, additional: query.edns == nil ? 0 : 1, to: &message)
        message += name.wire
        append(type.rawValue, to: &message)
        append(query.recordClass.rawValue, to: &message)
        if query.edns != nil { appendOPT(dnssecOK: query.dnssecOK, to: &message) }
        return message
    }

    /// REFUSED to a question of our own, which nobody took.
    package static func refusal(of question: [UInt8]) -> [UInt8] {
        var reply = question
        reply[2] |= UInt8(HeaderFlags.response >> 8)
        reply[3] |= UInt8(ResponseCode.refused.rawValue)
        return reply
    }

    private static func appendHeader(flags: UInt16, additional: UInt16, to message: inout [UInt8]) {
        for word in [0, flags, 1, 0, 0, additional] { append(word, to: &message) }
    }

    private static func appendOPT(dnssecOK: Bool, to message: inout [UInt8]) {
        message.append(0)
        for word in [RecordType.opt.rawValue, UInt16(Limits.ednsUDPSize), 0, dnssecOK ? 0x8000 : 0, 0] {
            append(word, to: &message)
        }
    }

    private static func append(_ word: UInt16, to message: inout [UInt8]) {
        message.append(UInt8(truncatingIfNeeded: word >> 8))
        message.append(UInt8(truncatingIfNeeded: word))
    }
}
