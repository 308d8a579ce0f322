// Writes replies into a buffer that the caller owns: known answers with the asker's id, spelling and EDNS, and
// the short replies that we make ourselves. On the packet path: nothing here allocates.

/// How an answer is given out.
package struct ReplyStyle: Sendable {
    /// Every TTL becomes this; nil leaves them as they are.
    package var timeToLive: UInt32?
    /// node-cache sets AA on everything from its cache; old resolvers relied on it, dashboards show it.
    package var isAuthoritative: Bool
    /// The largest reply, in octets.
    package var limit: Int
    package var extendedError: ExtendedError?

    package init(
        timeToLive: UInt32?,
        isAuthoritative: Bool,
        limit: Int,
        extendedError: ExtendedError? = nil
    ) {
        self.timeToLive = timeToLive
        self.isAuthoritative = isAuthoritative
        self.limit = limit
        self.extendedError = extendedError
    }
}

package enum ReplyWriter {
    /// Writes a known answer as the reply to `query`; returns its size.
    ///
    /// `answer` and `ttlOffsets` are those of an `AnswerMessage`, `packet` is the client's message, `output`
    /// has room for `style.limit` octets. An answer over the limit loses records from its end and gets TC.
    package static func write(
        _ answer: Span<UInt8>,
        ttlOffsets: Span<UInt16>,
        extendedCode: UInt16,
        to query: borrowing Query,
        packet: Span<UInt8>,
        style: ReplyStyle,
        into output: inout MutableSpan<UInt8>
    ) -> Int {
        let optSize = optSize(query, style.extendedError)
        let room = min(style.limit, output.count) - optSize
        var end = answer.count
        var records = ttlOffsets.count
        var isCut = false
        while end > room, records > 0 {
            records -= 1
            end = records == 0 ? query.questionEnd : recordEnd(ttlOffsets[records - 1], answer)
            isCut = true
        }
        output.copy(answer, 0..<end, to: 0)
        let stored = answer.uint16(at: 2)
        var flags = HeaderFlags.response | stored & (HeaderFlags.recursionAvailable | HeaderFlags.codeMask)
        flags |= query.flags.rawValue & (HeaderFlags.recursionDesired | HeaderFlags.checkingDisabled)
        flags |= style.isAuthoritative ? HeaderFlags.authoritative : stored & HeaderFlags.authoritative
        flags |= isCut ? HeaderFlags.truncated : stored & HeaderFlags.truncated
        // RFC 6840, 5.7: AD only for those who asked for it, by AD or by DO.
        if query.dnssecOK || query.flags.has(HeaderFlags.authenticData) {
            flags |= stored & HeaderFlags.authenticData
        }
        output.store(query.id, at: 0)
        output.store(flags, at: 2)
        // The asker's own spelling of the name; owner names that point to it follow.
        output.copy(packet, Limits.headerSize..<query.questionEnd, to: Limits.headerSize)
        if isCut { cutCounts(to: records, answer, &output) }
        if let ttl = style.timeToLive {
            for index in 0..<records { output.store(ttl, at: Int(ttlOffsets[index])) }
        }
        return appendOPT(query, code: extendedCode, style.extendedError, at: end, &output)
    }

    /// Writes a reply without records; returns its size.
    ///
    /// The question is repeated when it could be read, the OPT record when the client sent one.
    package static func writeError(
        _ code: ResponseCode,
        to query: borrowing Query,
        packet: Span<UInt8>,
        withQuestion: Bool = true,
        extendedError: ExtendedError? = nil,
        into output: inout MutableSpan<UInt8>
    ) -> Int {
        let echoed = HeaderFlags.opcodeMask | HeaderFlags.recursionDesired | HeaderFlags.checkingDisabled
        output.store(query.id, at: 0)
        output.store(
            HeaderFlags.response | query.flags.rawValue & echoed | code.rawValue & HeaderFlags.codeMask,
            at: 2
        )
        let end = withQuestion ? query.questionEnd : Limits.headerSize
        output.store(end > Limits.headerSize ? UInt16(1) : 0, at: 4)
        output.store(UInt32(0), at: 6)
        output.store(UInt16(0), at: 10)
        output.copy(packet, Limits.headerSize..<end, to: Limits.headerSize)
        return appendOPT(query, code: code.rawValue >> 4, extendedError, at: end, &output)
    }
}

// MARK: - One record

extension ReplyWriter {
    /// Writes a reply of one record that the asked name owns, with AA; returns its size. Data that do not fit
    /// next to the question are left out, and TC is set.
    package static func writeRecord(
        _ type: RecordType,
        timeToLive: UInt32,
        data: Span<UInt8>,
        to query: borrowing Query,
        packet: Span<UInt8>,
        into output: inout MutableSpan<UInt8>
    ) -> Int {
        let start = query.questionEnd
        let end = start + 2 + Limits.recordFixedSize + data.count
        let size = writeError(.noError, to: query, packet: packet, into: &output)
        let limit = min(output.count, query.udpLimit)
        guard end + (size - start) <= limit else {
            output.store(Span(_mutableSpan: output).uint16(at: 2) | HeaderFlags.truncated, at: 2)
            return size
        }
        output.store(Span(_mutableSpan: output).uint16(at: 2) | HeaderFlags.authoritative, at: 2)
        output.store(UInt16(1), at: 6)
        // The question's name stands right behind the header (RFC 1035, 4.1.4).
        output.store(UInt16(0xc000 | UInt16(Limits.headerSize)), at: start)
        output.store(type.rawValue, at: start + 2)
        output.store(query.recordClass.rawValue, at: start + 4)
        output.store(timeToLive, at: start + 6)
        output.store(UInt16(truncatingIfNeeded: data.count), at: start + 10)
        output.copy(data, 0..<data.count, to: start + 12)
        output.store(UInt16(0), at: 10)
        return appendOPT(query, code: 0, nil, at: end, &output)
    }
}

// MARK: - Helpers

extension ReplyWriter {
    /// Behind the record whose TTL stands at `offset`.
    private static func recordEnd(_ offset: UInt16, _ answer: Span<UInt8>) -> Int {
        Int(offset) + 6 + Int(answer.uint16(at: Int(offset) + 4))
    }

    private static func cutCounts(to records: Int, _ answer: Span<UInt8>, _ output: inout MutableSpan<UInt8>)
    {
        var left = records
        for offset in stride(from: 6, through: 10, by: 2) {
            let kept = min(left, Int(answer.uint16(at: offset)))
            output.store(UInt16(truncatingIfNeeded: kept), at: offset)
            left -= kept
        }
    }

    private static func optSize(_ query: borrowing Query, _ error: ExtendedError?) -> Int {
        guard query.edns != nil else { return 0 }
        return Limits.optSize + (error == nil ? 0 : 6)
    }

    private static func appendOPT(
        _ query: borrowing Query,
        code: UInt16,
        _ error: ExtendedError?,
        at end: Int,
        _ output: inout MutableSpan<UInt8>
    ) -> Int {
        guard let edns = query.edns else { return end }
        output[end] = 0
        output.store(RecordType.opt.rawValue, at: end + 1)
        output.store(UInt16(Limits.ednsUDPSize), at: end + 3)
        // Upper bits of the response code, version 0, DO as the client sent it (RFC 6891, 6.1.3 and 6.1.4).
        output.store(UInt32(code & 0xff) << 24 | (edns.dnssecOK ? 0x8000 : 0), at: end + 5)
        let additional = Span(_mutableSpan: output).uint16(at: 10)
        output.store(additional + 1, at: 10)
        guard let error else {
            output.store(UInt16(0), at: end + 9)
            return end + Limits.optSize
        }
        // RFC 8914, 2: option 15, two octets of code, no text.
        output.store(UInt16(6), at: end + 9)
        output.store(UInt16(15), at: end + 11)
        output.store(UInt16(2), at: end + 13)
        output.store(error.rawValue, at: end + 15)
        return end + Limits.optSize + 6
    }
}
