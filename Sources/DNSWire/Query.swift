// A client's message, read once: afterwards its parts can be trusted and nobody looks at the octets again.
// One `Query` is reused for all messages of a thread; reading allocates nothing.

/// What a client asked, as offsets and numbers.
package struct Query: ~Copyable {
    package private(set) var id: UInt16 = 0
    package private(set) var flags = HeaderFlags(rawValue: 0)
    /// Octets of the question's name, root label included; the name starts at `Limits.headerSize`.
    package private(set) var nameSize = 0
    package private(set) var type = RecordType(rawValue: 0)
    package private(set) var recordClass = RecordClass(rawValue: 0)
    /// The client's OPT record, if it sent one.
    package private(set) var edns: EDNS?
    /// The whole name's hash.
    package private(set) var hash: UInt64 = 0
    /// Octets of the message.
    package private(set) var size = 0

    /// The name in lower case, `nameSize` octets of it.
    private let name = FixedBuffer<UInt8>(repeating: 0, count: Limits.nameSize)
    /// Where the labels start in `name`, left to right; 127 labels fill a name.
    private let labelStarts = FixedBuffer<UInt8>(repeating: 0, count: 127)
    /// Hash of the name from this label on.
    private let suffixHashes = FixedBuffer<UInt64>(repeating: 0, count: 127)
    package private(set) var labelCount = 0

    package init() {}

    /// A client's OPT record (RFC 6891, 6.1).
    package struct EDNS: Sendable, Hashable {
        package let payloadSize: UInt16
        package let version: UInt8
        package let dnssecOK: Bool
    }

    /// What the reader makes of a message.
    package enum Acceptance: Equatable, Sendable {
        case accepted
        /// Answer with this code; with the question if that could be read.
        case rejected(ResponseCode, withQuestion: Bool)
        /// Say nothing: it is no query, and an answer could start a loop between two servers.
        case ignored(Reason)
    }

    /// Why a packet gets no answer or an early one; label values of `nodelocal_packets_rejected_total`.
    package enum Reason: String, CaseIterable, Sendable {
        case short
        case response
    }
}

// MARK: - Reading

extension Query {
    /// Reads one message; the result says what to do with it.
    ///
    /// Takes what node-cache takes (its specification, 5.1): one question, at most one record in answer and
    /// authority, two in additional; counts may promise more than there is.
    package mutating func read(_ message: Span<UInt8>, hashing: NameHash) -> Acceptance {
        size = message.count
        edns = nil
        nameSize = 0
        guard message.count >= Limits.headerSize else { return .ignored(.short) }
        id = message.uint16(at: 0)
        flags = HeaderFlags(rawValue: message.uint16(at: 2))
        guard !flags.has(HeaderFlags.response) else { return .ignored(.response) }
        // NOTIFY is for secondaries; a cache has no zone to refresh (RFC 1996, 3.1).
        guard flags.opcode == .query else { return .rejected(.notImplemented, withQuestion: false) }
        guard message.uint16(at: 4) == 1, message.uint16(at: 6) <= 1, message.uint16(at: 8) <= 1,
            message.uint16(at: 10) <= 2
        else { return .rejected(.formatError, withQuestion: false) }
        guard readName(message) else { return .rejected(.formatError, withQuestion: false) }
        let fixed = Limits.headerSize + nameSize
        guard fixed + 4 <= message.count else {
            nameSize = 0
            return .rejected(.formatError, withQuestion: false)
        }
        type = RecordType(rawValue: message.uint16(at: fixed))
        recordClass = RecordClass(rawValue: message.uint16(at: fixed + 2))
        hashLabels(hashing)
        guard readRecords(message) else { return .rejected(.formatError, withQuestion: true) }
        if let edns, edns.version != 0 { return .rejected(.badVersion, withQuestion: true) }
        return .accepted
    }

    /// The question's name stands first, so there is nothing a compression pointer could point to.
    private mutating func readName(_ message: Span<UInt8>) -> Bool {
        let start = Limits.headerSize
        var at = start
        labelCount = 0
        while at < message.count {
            let length = Int(message[at])
            guard length <= Limits.labelSize, at + 1 + length - start <= Limits.nameSize else { return false }
            if length == 0 {
                nameSize = at + 1 - start
                // Length octets are no letters.
                name.copyLowercased(message, start..<at + 1)
                return true
            }
            labelStarts[labelCount] = UInt8(truncatingIfNeeded: at - start)
            labelCount += 1
            at += 1 + length
        }
        return false
    }

    private mutating func hashLabels(_ hashing: NameHash) {
        var suffix = hashing.root
        var label = labelCount
        while label > 0 {
            label -= 1
            let start = Int(labelStarts[label])
            suffix = hashing.extend(suffix, by: (start + 1)..<(start + 1 + Int(name[start])), of: name)
            suffixHashes[label] = suffix
        }
        hash = suffix
    }

    private mutating func readRecords(_ message: Span<UInt8>) -> Bool {
        let answers = Int(message.uint16(at: 6)) + Int(message.uint16(at: 8))
        let records = answers + Int(message.uint16(at: 10))
        if records == 0 { return true }
        var cursor = RecordCursor(at: Limits.headerSize + nameSize + 4)
        for index in 0..<records {
            if cursor.offset == message.count { return true }
            guard let record = cursor.next(in: message) else { return false }
            guard record.type == .opt, index >= answers else { continue }
            guard optionsAreSound(record, message) else { return false }
            // Of two OPT records the last one counts, as in node-cache.
            edns = EDNS(
                payloadSize: record.recordClass.rawValue,
                version: UInt8(truncatingIfNeeded: record.timeToLive >> 16),
                dnssecOK: record.timeToLive & 0x8000 != 0
            )
        }
        return true
    }

    private func optionsAreSound(_ record: Record, _ message: Span<UInt8>) -> Bool {
        var at = record.data.lowerBound
        while at < record.data.upperBound {
            guard at + 4 <= record.data.upperBound else { return false }
            at += 4 + Int(message.uint16(at: at + 2))
        }
        return at == record.data.upperBound
    }
}

// MARK: - Questions

extension Query {
    /// Where the question ends in the message; the header's size when there is none.
    package var questionEnd: Int { nameSize == 0 ? Limits.headerSize : Limits.headerSize + nameSize + 4 }

    // Asked of every query, and therefore here: `==` of another module's raw values is two calls and a jump through a
    // table of witnesses.

    /// Whether it asks in the class of nearly everything.
    package var isOfInternet: Bool { recordClass == .internet }

    /// Whether it asks for a whole zone (RFC 5936, RFC 1995).
    package var isTransfer: Bool { type == .axfr || type == .ixfr }

    package var dnssecOK: Bool { edns?.dnssecOK ?? false }

    package var checkingDisabled: Bool { flags.has(HeaderFlags.checkingDisabled) }

    /// The largest answer this client takes over UDP: its EDNS size between 512 and our own ceiling.
    ///
    /// The ceiling keeps answers unfragmented on every path (DNS flag day 2020); larger ones are cut, and
    /// the client comes back over TCP.
    package var udpLimit: Int {
        guard let edns else { return Limits.plainUDPSize }
        return min(max(Int(edns.payloadSize), Limits.plainUDPSize), Limits.ednsUDPSize)
    }

    /// The hash of the name without its first `skipped` labels; `labelCount` skipped gives the root.
    package func suffixHash(skipping skipped: Int, root: UInt64) -> UInt64 {
        skipped == labelCount ? root : suffixHashes[skipped]
    }

    /// Whether the name without its first `skipped` labels is `octets[zone]`, a name in wire form.
    package func suffixEquals(_ octets: [UInt8], _ zone: Range<Int>, skipping skipped: Int) -> Bool {
        let start = skipped == labelCount ? nameSize - 1 : Int(labelStarts[skipped])
        guard nameSize - start == zone.count else { return false }
        return name.equals(octets.span, at: zone.lowerBound, from: start, size: zone.count)
    }

    /// Whether `other[offset...]` holds this very name in lower case.
    @inline(__always)
    package func nameEquals(_ other: Span<UInt8>, at offset: Int) -> Bool {
        name.equals(other, at: offset, size: nameSize)
    }

    /// An owned copy of the name; allocates, so not for the packet path.
    package var domainName: DomainName? {
        nameSize == 0 ? nil : DomainName(checkedWire: name.prefix(nameSize))
    }
}
