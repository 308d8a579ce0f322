// An owned domain name: a zone of the Corefile, an exception of `forward`, a probe's question.
// Names inside packets stay bytes (NameScan.swift) and never become this.

/// A domain name in wire form, in lower case, with its root label.
package struct DomainName: Hashable, Sendable {
    /// Length octet, label, …, zero; at most 255 octets (RFC 1035, 3.1).
    package let wire: [UInt8]

    package static let root = DomainName(checkedWire: [0])

    /// Takes a name that is known to be one, in lower case.
    init(checkedWire: [UInt8]) { self.wire = checkedWire }

    /// Reads `example.org`, `example.org.` or `.`; `\.` and `\065` are escapes (RFC 1035, 5.1).
    ///
    /// Nil for an empty label, a label over 63 octets, or a name over 255.
    package init?(_ text: some StringProtocol) {
        if text == "." {
            self = .root
            return
        }
        var wire: [UInt8] = []
        var label: [UInt8] = []
        var bytes = Array(text.utf8)[...]
        if bytes.isEmpty { return nil }
        while let byte = bytes.popFirst() {
            switch byte {
            case UInt8(ascii: "."):
                guard (1...Limits.labelSize).contains(label.count) else { return nil }
                wire.append(UInt8(label.count))
                wire += label
                label = []
            case UInt8(ascii: "\\"):
                guard let escaped = Self.escapedByte(from: &bytes) else { return nil }
                label.append(escaped.asciiLowercased)
            default:
                label.append(byte.asciiLowercased)
            }
        }
        if !label.isEmpty {
            guard label.count <= Limits.labelSize else { return nil }
            wire.append(UInt8(label.count))
            wire += label
        }
        wire.append(0)
        guard wire.count <= Limits.nameSize else { return nil }
        self.wire = wire
    }

    /// Takes a name in wire form without compression; nil when it is malformed or anything follows it.
    package init?(wire: [UInt8]) {
        let bytes = wire.map(\.asciiLowercased)
        var at = 0
        while at < bytes.count, bytes[at] != 0 {
            guard bytes[at] <= Limits.labelSize else { return nil }
            at += 1 + Int(bytes[at])
        }
        guard at == bytes.count - 1, bytes.count <= Limits.nameSize else { return nil }
        self.wire = bytes
    }

    private static func escapedByte(from bytes: inout ArraySlice<UInt8>) -> UInt8? {
        guard let first = bytes.popFirst() else { return nil }
        guard (0x30...0x39).contains(first) else { return first }
        guard let second = bytes.popFirst(), let third = bytes.popFirst(),
            (0x30...0x39).contains(second), (0x30...0x39).contains(third)
        else { return nil }
        return UInt8(exactly: Int(first - 0x30) * 100 + Int(second - 0x30) * 10 + Int(third - 0x30))
    }
}

// MARK: - Questions

extension DomainName {
    /// Labels from left to right, without the root label.
    package var labels: [ArraySlice<UInt8>] {
        var result: [ArraySlice<UInt8>] = []
        var at = 0
        while wire[at] != 0 {
            let end = at + 1 + Int(wire[at])
            result.append(wire[(at + 1)..<end])
            at = end
        }
        return result
    }

    /// Whether this is `zone` or lies below it; every name is within the root.
    package func isWithin(_ zone: DomainName) -> Bool {
        var at = 0
        while true {
            if wire.count - at == zone.wire.count { return wire[at...] == zone.wire[...] }
            guard wire[at] != 0, wire.count - at > zone.wire.count else { return false }
            at += 1 + Int(wire[at])
        }
    }

    /// The name with its first label taken away; nil for the root.
    package var parent: DomainName? {
        wire[0] == 0 ? nil : DomainName(checkedWire: Array(wire[(1 + Int(wire[0]))...]))
    }
}

extension DomainName: CustomStringConvertible {
    /// With the final dot; dots and unprintable octets inside a label are escaped (RFC 1035, 5.1).
    package var description: String {
        if wire.count == 1 { return "." }
        var text = ""
        for label in labels {
            for byte in label {
                switch byte {
                case UInt8(ascii: "."), UInt8(ascii: "\\"): text += "\\\(Character(UnicodeScalar(byte)))"
                case 0x21...0x7e: text.append(Character(UnicodeScalar(byte)))
                default:
                    let digits = String(byte)
                    text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
                }
            }
            text += "."
        }
        return text
    }
}

extension UInt8 {
    /// DNS compares ASCII letters without case, and nothing else (RFC 4343, 3).
    @inlinable
    package var asciiLowercased: UInt8 {
        self &- 0x41 < 26 ? self | 0x20 : self
    }
}
