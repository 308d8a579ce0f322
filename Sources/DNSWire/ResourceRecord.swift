// A record that owns its octets, for those who make or change answers. Not for the packet path.

/// One resource record; names in wire form without compression, in their own spelling.
package struct ResourceRecord: Hashable, Sendable {
    package var owner: [UInt8]
    package var type: RecordType
    package var recordClass: RecordClass
    package var timeToLive: UInt32
    package var data: [UInt8]

    package init(
        _ owner: [UInt8],
        _ type: RecordType,
        class recordClass: RecordClass = .internet,
        timeToLive: UInt32,
        data: [UInt8]
    ) {
        self.owner = owner
        self.type = type
        self.recordClass = recordClass
        self.timeToLive = timeToLive
        self.data = data
    }
}

extension ResourceRecord {
    /// Where names stand in RDATA: octets before the first, and how many follow one another. Only these types may
    /// have been compressed by a sender (RFC 1035; RFC 3597, 4), and only in these a name can be changed.
    package static func namesInData(of type: RecordType) -> (fixedBefore: Int, count: Int)? {
        switch type.rawValue {
        case 2, 3, 4, 5, 7, 8, 9, 12, 39: (0, 1)  // NS MD MF CNAME MB MG MR PTR DNAME
        case 6, 14, 17: (0, 2)  // SOA MINFO RP
        case 15, 18, 21, 36: (2, 1)  // MX AFSDB RT KX
        case 26: (2, 2)  // PX
        case 33: (6, 1)  // SRV
        default: nil
        }
    }

    /// The first name in RDATA, such as an alias' target; nil when the type has none.
    package var target: DomainName? {
        guard let range = targetRange else { return nil }
        return DomainName(wire: Array(data[range]))
    }

    /// Replaces the first name in RDATA.
    package mutating func replaceTarget(with name: [UInt8]) {
        guard let range = targetRange else { return }
        data.replaceSubrange(range, with: name)
    }

    private var targetRange: Range<Int>? {
        guard let names = Self.namesInData(of: type),
            let end = NameScan.plainEnd(of: names.fixedBefore, in: data.span)
        else { return nil }
        return names.fixedBefore..<end
    }
}
