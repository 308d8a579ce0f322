// Walks the resource records of a message. Names are skipped, not read: a record's owner matters to
// nobody on the way through a cache.

/// One resource record as offsets into its message (RFC 1035, 3.2.1).
package struct Record: Sendable {
    /// Where the owner name starts.
    package let start: Int
    package let type: RecordType
    package let recordClass: RecordClass
    package let timeToLive: UInt32
    /// Where the four octets of the TTL stand.
    package let ttlOffset: Int
    /// The octets of RDATA.
    package let data: Range<Int>
}

/// Steps through consecutive records.
package struct RecordCursor: Sendable {
    /// Where the next record starts.
    package private(set) var offset: Int

    package init(at offset: Int) { self.offset = offset }

    /// The record at the cursor, which moves behind it; nil when the message ends inside the record.
    package mutating func next(in message: Span<UInt8>) -> Record? {
        guard let fixed = NameScan.end(of: offset, in: message),
            fixed + Limits.recordFixedSize <= message.count
        else { return nil }
        let data = fixed + Limits.recordFixedSize
        let length = Int(message.uint16(at: fixed + 8))
        guard data + length <= message.count else { return nil }
        let start = offset
        offset = data + length
        return Record(
            start: start,
            type: RecordType(rawValue: message.uint16(at: fixed)),
            recordClass: RecordClass(rawValue: message.uint16(at: fixed + 2)),
            timeToLive: message.uint32(at: fixed + 4),
            ttlOffset: fixed + 4,
            data: data..<(data + length)
        )
    }
}
