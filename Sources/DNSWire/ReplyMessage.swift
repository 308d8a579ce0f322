// A reply as parts that can be changed and put together again: what plugins below the cache work with.

/// An answer to one question; without id and without the client's EDNS, which `ReplyWriter` gives it.
package struct ReplyMessage: Sendable {
    package var flags: HeaderFlags
    /// Name, type and class in the asker's spelling.
    package var question: [UInt8]
    package var answers: [ResourceRecord] = []
    package var authority: [ResourceRecord] = []
    package var additional: [ResourceRecord] = []
    /// All twelve bits.
    package var responseCode: ResponseCode
    /// Of the OPT record; reaches clients with EDNS only if whoever answers wants it to.
    package var extendedError: ExtendedErrorOption?
    /// The OPT record's TTL field without the response code: version and flags; nil when there was none.
    private var optFlags: UInt32?

    /// An empty reply.
    package init(question: [UInt8], flags: UInt16 = 0, code: ResponseCode = .noError) {
        self.question = question
        self.flags = HeaderFlags(rawValue: HeaderFlags.response | flags)
        responseCode = code
    }

    /// Takes a message apart; nil when it is malformed.
    package init?(_ message: [UInt8]) {
        let bytes = message.span
        guard bytes.count >= Limits.headerSize, bytes.uint16(at: 4) == 1,
            let nameEnd = NameScan.plainEnd(of: Limits.headerSize, in: bytes), nameEnd + 4 <= bytes.count
        else { return nil }
        flags = HeaderFlags(rawValue: bytes.uint16(at: 2))
        question = bytes.array(Limits.headerSize..<nameEnd + 4)
        responseCode = flags.responseCode
        var cursor = RecordCursor(at: nameEnd + 4)
        for section in 0..<3 {
            for _ in 0..<bytes.uint16(at: 6 + 2 * section) {
                guard let record = cursor.next(in: bytes) else { return nil }
                if record.type == .opt {
                    optFlags = record.timeToLive & 0x00ff_ffff
                    let extended = UInt16(record.timeToLive >> 24) << 4
                    responseCode = ResponseCode(rawValue: extended | flags.responseCode.rawValue)
                    extendedError = ExtendedErrorOption(in: record, of: bytes)
                    continue
                }
                var owner: [UInt8] = []
                var data: [UInt8] = []
                guard NameScan.expand(record.start, in: bytes, into: &owner),
                    MessageExpansion.expandData(of: record, bytes, into: &data)
                else { return nil }
                let owned = ResourceRecord(
                    owner,
                    record.type,
                    class: record.recordClass,
                    timeToLive: record.timeToLive,
                    data: data
                )
                switch section {
                case 0: answers.append(owned)
                case 1: authority.append(owned)
                default: additional.append(owned)
                }
            }
        }
    }

    /// Changes every record of all sections.
    package mutating func forEachRecord(_ body: (inout ResourceRecord) -> Void) {
        for index in answers.indices { body(&answers[index]) }
        for index in authority.indices { body(&authority[index]) }
        for index in additional.indices { body(&additional[index]) }
    }
}

// MARK: - Putting together

extension ReplyMessage {
    /// The message with id 0, names compressed. Records that do not fit into a message are left out, and TC is set.
    package func encoded() -> [UInt8] {
        var writer = MessageWriter()
        writer.octets.reserveCapacity(512)
        var flags = flags.rawValue & ~HeaderFlags.codeMask | HeaderFlags.response
        flags |= responseCode.rawValue & HeaderFlags.codeMask
        for word in [0, flags, 1, 0, 0, 0] { writer.append(word) }
        writer.appendName(question.dropLast(4), isCompressible: false)
        writer.octets += question.suffix(4)
        var isCut = false
        let reserve = Limits.optSize + (extendedError.map { 4 + $0.data.count } ?? 0)
        for (section, records) in [answers, authority, additional].enumerated() {
            for record in records where !isCut {
                isCut = !writer.append(record, countedAt: 6 + 2 * section, reserve: reserve)
            }
        }
        if isCut { writer.octets[2] |= UInt8(HeaderFlags.truncated >> 8) }
        if optFlags != nil || extendedError != nil || responseCode.rawValue > 15 { appendOPT(to: &writer) }
        return writer.octets
    }

    private func appendOPT(to writer: inout MessageWriter) {
        let fields = (optFlags ?? 0) | UInt32(responseCode.rawValue >> 4) << 24
        writer.octets.append(0)
        for word in [
            RecordType.opt.rawValue, UInt16(Limits.ednsUDPSize), UInt16(truncatingIfNeeded: fields >> 16),
            UInt16(truncatingIfNeeded: fields),
        ] { writer.append(word) }
        if let data = extendedError?.data {
            for size in [4 + data.count, Int(ExtendedErrorOption.code), data.count] {
                writer.append(UInt16(truncatingIfNeeded: size))
            }
            writer.octets += data
        } else {
            writer.append(0)
        }
        writer.count(at: 10)
    }
}

/// Octets of a message that grows, and where names already stand in it.
private struct MessageWriter {
    var octets: [UInt8] = []
    /// Names in lower case by their places; a pointer reaches 14 bits far (RFC 1035, 4.1.4).
    private var places: [ArraySlice<UInt8>: Int] = [:]

    mutating func append(_ word: UInt16) {
        octets += [UInt8(truncatingIfNeeded: word >> 8), UInt8(truncatingIfNeeded: word)]
    }

    mutating func count(at offset: Int) {
        let count = octets.span.uint16(at: offset) + 1
        octets[offset] = UInt8(truncatingIfNeeded: count >> 8)
        octets[offset + 1] = UInt8(truncatingIfNeeded: count)
    }

    /// False when the record does not fit beside `reserve` octets; then nothing was written.
    mutating func append(_ record: ResourceRecord, countedAt offset: Int, reserve: Int) -> Bool {
        let start = octets.count
        appendName(record.owner[...], isCompressible: true)
        append(record.type.rawValue)
        append(record.recordClass.rawValue)
        append(UInt16(truncatingIfNeeded: record.timeToLive >> 16))
        append(UInt16(truncatingIfNeeded: record.timeToLive))
        append(UInt16(truncatingIfNeeded: record.data.count))
        octets += record.data
        guard octets.count <= Limits.messageSize - reserve else {
            octets.removeSubrange(start...)
            places = places.filter { $0.value < start }
            return false
        }
        count(at: offset)
        return true
    }

    mutating func appendName(_ name: ArraySlice<UInt8>, isCompressible: Bool) {
        var rest = name
        while let length = rest.first, length > 0, rest.count > Int(length) {
            let key = ArraySlice(rest.map(\.asciiLowercased))
            if isCompressible, let place = places[key] {
                append(0xc000 | UInt16(truncatingIfNeeded: place))
                return
            }
            if octets.count < 0x4000 { places[key] = octets.count }
            octets += rest.prefix(Int(length) + 1)
            rest = rest.dropFirst(Int(length) + 1)
        }
        octets.append(0)
    }
}
