// An upstream's answer, checked and prepared once, so that giving it out again is one copy and a few patches:
// no OPT record, the question in lower case, the places of all TTLs known.

/// A checked answer without its OPT record.
package struct AnswerMessage: Sendable {
    /// The message: id 0, question in lower case, no OPT record.
    package let wire: [UInt8]
    /// Where the TTLs of all records stand in `wire`, in order.
    package let ttlOffsets: [UInt16]
    /// All twelve bits; above 15 only when the upstream sent an OPT record.
    package let responseCode: ResponseCode
    /// Of the OPT record.
    package let extendedError: ExtendedErrorOption?
    /// What the records are, for those who decide how long to keep the answer.
    package let summary: Summary

    /// The facts of an answer that decide about its life.
    package struct Summary: Sendable, Hashable {
        package var answers = 0
        /// The smallest TTL of all records; nil when there are none.
        package var smallestTTL: UInt32?
        package var hasSOA = false
        package var hasNSInAuthority = false
        package var isTruncated = false
        /// The upstream's OPT record had DO set.
        package var dnssecOK = false
        /// The span of wall-clock time in which all signatures are valid; seconds since 1970, RFC 4034, 3.1.5.
        package var signaturesValid: ClosedRange<UInt32>?
        /// Signatures that exclude each other: no moment at which all of them hold.
        package var signaturesContradict = false
    }

    /// Why a message is no answer.
    package enum Flaw: String, Error, Sendable {
        case short = "message is shorter than its header"
        case notAResponse = "QR bit is not set"
        case questions = "question section is not exactly one question"
        case records = "a record is malformed or missing"
    }
}

// MARK: - Preparing

extension AnswerMessage {
    /// Checks `message` and prepares it.
    ///
    /// All records that the header promises must be there: a datagram cut at a record's border is not taken
    /// for a whole answer (node-cache's specification, chapter 7, 33).
    package init(_ message: [UInt8]) throws(Flaw) {
        let bytes = message.span
        guard bytes.count >= Limits.headerSize else { throw .short }
        let flags = HeaderFlags(rawValue: bytes.uint16(at: 2))
        guard flags.has(HeaderFlags.response) else { throw .notAResponse }
        guard bytes.uint16(at: 4) == 1, let nameEnd = NameScan.plainEnd(of: Limits.headerSize, in: bytes),
            nameEnd + 4 <= bytes.count
        else { throw .questions }

        var reading = Reading(questionEnd: nameEnd + 4)
        reading.summary.isTruncated = flags.has(HeaderFlags.truncated)
        try reading.readRecords(of: bytes)
        self.responseCode = ResponseCode(
            rawValue: reading.extendedCode << 4 | flags.rawValue & HeaderFlags.codeMask
        )
        self.summary = reading.summary
        self.extendedError = reading.extendedError
        var wire = message
        if let opt = reading.optRange {
            if opt.upperBound == reading.end, reading.optCount == 1 {
                wire.removeSubrange(opt.lowerBound...)
            } else {
                // Records behind the OPT move, and names in them may be pointed to: write the message anew.
                guard let rebuilt = MessageExpansion.withoutOPT(bytes, questionEnd: nameEnd + 4) else {
                    throw .records
                }
                wire = rebuilt.wire
                reading.ttlOffsets = rebuilt.ttlOffsets
            }
            let additional = UInt16(wire[10]) << 8 | UInt16(wire[11])
            wire[10] = UInt8(truncatingIfNeeded: (additional - reading.optCount) >> 8)
            wire[11] = UInt8(truncatingIfNeeded: additional - reading.optCount)
        } else {
            wire.removeSubrange(reading.end...)
        }
        wire[0] = 0
        wire[1] = 0
        for index in Limits.headerSize..<nameEnd { wire[index] = wire[index].asciiLowercased }
        self.wire = wire
        self.ttlOffsets = reading.ttlOffsets
    }
}

extension AnswerMessage {
    /// SERVFAIL to `query`, said by ourselves; nil when it asks nothing.
    package init?(failureOf query: borrowing Query) {
        guard let name = query.domainName else { return nil }
        let flags = HeaderFlags.response | ResponseCode.serverFailure.rawValue
        let words = [0, flags, 1, 0, 0, 0]
        let tail = [query.type.rawValue, query.recordClass.rawValue]
        let octets = { (word: UInt16) in [UInt8(word >> 8), UInt8(truncatingIfNeeded: word)] }
        wire = words.flatMap(octets) + name.wire + tail.flatMap(octets)
        ttlOffsets = []
        responseCode = .serverFailure
        extendedError = nil
        summary = Summary()
    }
}

// MARK: - Helpers

/// What is gathered while the records go by.
private struct Reading {
    let questionEnd: Int
    var summary = AnswerMessage.Summary()
    var ttlOffsets: [UInt16] = []
    /// The last one; more than one is a mistake that harms nobody (RFC 6891, 6.1.1), and all are taken out.
    var optRange: Range<Int>?
    var optCount: UInt16 = 0
    var extendedCode: UInt16 = 0
    var extendedError: ExtendedErrorOption?
    /// Behind the last record; octets that follow belong to nobody.
    var end: Int

    init(questionEnd: Int) {
        self.questionEnd = questionEnd
        self.end = questionEnd
    }

    mutating func readRecords(of bytes: Span<UInt8>) throws(AnswerMessage.Flaw) {
        let answers = Int(bytes.uint16(at: 6))
        let authority = answers + Int(bytes.uint16(at: 8))
        let total = authority + Int(bytes.uint16(at: 10))
        ttlOffsets.reserveCapacity(min(total, bytes.count / (1 + Limits.recordFixedSize)))
        summary.answers = answers
        var cursor = RecordCursor(at: questionEnd)
        for index in 0..<total {
            guard let record = cursor.next(in: bytes), NameScan.isSound(at: record.start, in: bytes) else {
                throw .records
            }
            if record.type == .opt {
                guard index >= authority else { throw .records }
                optRange = record.start..<cursor.offset
                optCount += 1
                extendedCode = UInt16(record.timeToLive >> 24)
                extendedError = ExtendedErrorOption(in: record, of: bytes)
                summary.dnssecOK = record.timeToLive & 0x8000 != 0
                continue
            }
            note(record, inAuthority: index >= answers && index < authority, bytes)
        }
        end = cursor.offset
    }

    private mutating func note(_ record: Record, inAuthority: Bool, _ bytes: Span<UInt8>) {
        ttlOffsets.append(UInt16(truncatingIfNeeded: record.ttlOffset))
        // A TTL with its first bit set counts as zero (RFC 2181, 8).
        let ttl = record.timeToLive > 0x7fff_ffff ? 0 : record.timeToLive
        summary.smallestTTL = min(summary.smallestTTL ?? .max, ttl)
        if inAuthority {
            if record.type == .soa { summary.hasSOA = true }
            if record.type == .ns { summary.hasNSInAuthority = true }
        }
        if record.type == .rrsig, record.data.count >= 18 {
            let expiration = bytes.uint32(at: record.data.lowerBound + 8)
            let inception = bytes.uint32(at: record.data.lowerBound + 12)
            let known = summary.signaturesValid ?? 0...UInt32.max
            let lower = max(known.lowerBound, inception)
            let upper = min(known.upperBound, expiration)
            if lower <= upper {
                summary.signaturesValid = lower...upper
            } else {
                summary.signaturesContradict = true
            }
        }
    }
}
