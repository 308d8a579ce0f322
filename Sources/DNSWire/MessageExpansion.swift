// Writes a message again without compression, for the rare answer whose OPT record is not the last one:
// cutting a record out of the middle would leave compression pointers astray.

enum MessageExpansion {
    /// The message without its OPT records and without compression, but for pointers to the question: names
    /// that point there follow each asker's spelling.
    ///
    /// Nil when a name is malformed or the result is too long for a message. The counts of the header are
    /// left as they are.
    static func withoutOPT(_ bytes: Span<UInt8>, questionEnd: Int) -> (wire: [UInt8], ttlOffsets: [UInt16])? {
        var wire = bytes.array(0..<questionEnd)
        var ttlOffsets: [UInt16] = []
        let total = (0..<3).reduce(0) { $0 + Int(bytes.uint16(at: 6 + 2 * $1)) }
        var cursor = RecordCursor(at: questionEnd)
        for _ in 0..<total {
            guard let record = cursor.next(in: bytes) else { return nil }
            if record.type == .opt { continue }
            let kept = Limits.headerSize..<questionEnd
            guard NameScan.expand(record.start, in: bytes, keepingPointersTo: kept, into: &wire) else {
                return nil
            }
            ttlOffsets.append(UInt16(truncatingIfNeeded: wire.count + 4))
            for index in record.ttlOffset - 4..<record.ttlOffset + 4 { wire.append(bytes[index]) }
            let lengthAt = wire.count
            wire += [0, 0]
            guard expandData(of: record, bytes, into: &wire) else { return nil }
            let length = wire.count - lengthAt - 2
            guard wire.count <= Limits.messageSize else { return nil }
            wire[lengthAt] = UInt8(truncatingIfNeeded: length >> 8)
            wire[lengthAt + 1] = UInt8(truncatingIfNeeded: length)
        }
        return (wire, ttlOffsets)
    }

    /// Appends RDATA without compression; false when it is malformed.
    static func expandData(of record: Record, _ bytes: Span<UInt8>, into wire: inout [UInt8]) -> Bool {
        let (fixedBefore, names) = ResourceRecord.namesInData(of: record.type) ?? (record.data.count, 0)
        guard fixedBefore <= record.data.count else { return false }
        var at = record.data.lowerBound
        for index in at..<at + fixedBefore { wire.append(bytes[index]) }
        at += fixedBefore
        for _ in 0..<names {
            guard let end = NameScan.end(of: at, in: bytes), end <= record.data.upperBound,
                NameScan.expand(at, in: bytes, into: &wire)
            else { return false }
            at = end
        }
        for index in at..<record.data.upperBound { wire.append(bytes[index]) }
        return true
    }
}
