// A DNS message as the tests see it: written and read by code of their own, so that a mistake in DNSWire is
// not made twice. Slow and plain on purpose.

package import DNSWire

/// A whole message; names keep their spelling.
package struct Message: Equatable, Sendable {
    package var id: UInt16 = 0
    package var flags: UInt16 = 0
    package var questions: [Question] = []
    package var answers: [Entry] = []
    package var authority: [Entry] = []
    /// Without the OPT record.
    package var additional: [Entry] = []
    package var opt: OPT?

    package init() {}

    package struct Question: Equatable, Sendable {
        package var name: String
        package var type: RecordType
        package var recordClass: RecordClass

        package init(_ name: String, _ type: RecordType, _ recordClass: RecordClass = .internet) {
            self.name = name
            self.type = type
            self.recordClass = recordClass
        }
    }

    /// A record with its data in the words of a zone file.
    package struct Entry: Equatable, Sendable {
        package var name: String
        package var timeToLive: UInt32
        package var recordClass = RecordClass.internet
        package var type: RecordType
        package var data: String
    }

    package struct OPT: Equatable, Sendable {
        package var size: UInt16 = 1232
        package var extendedCode: UInt8 = 0
        package var version: UInt8 = 0
        package var flags: UInt16 = 0
        package var options: [UInt8] = []

        package init() {}

        package var dnssecOK: Bool { flags & 0x8000 != 0 }
    }

    /// All twelve bits when there is an OPT record.
    package var code: ResponseCode {
        ResponseCode(rawValue: UInt16(opt?.extendedCode ?? 0) << 4 | flags & 15)
    }

    /// The extended error of RFC 8914, if the OPT record holds nothing but one.
    package var extendedError: UInt16? {
        guard let options = opt?.options, options.count >= 6, options[0] == 0, options[1] == 15 else {
            return nil
        }
        return UInt16(options[4]) << 8 | UInt16(options[5])
    }

    /// The words beside it.
    package var extendedErrorText: String? {
        extendedError == nil ? nil : opt.map { String(decoding: $0.options.dropFirst(6), as: UTF8.self) }
    }

    /// The flags that are set, as `dig` names them.
    package var flagNames: Set<String> {
        let names: [(UInt16, String)] = [
            (0x0400, "aa"), (0x0200, "tc"), (0x0100, "rd"), (0x0080, "ra"), (0x0040, "z"), (0x0020, "ad"),
            (0x0010, "cd"),
        ]
        return Set(names.filter { flags & $0.0 != 0 }.map(\.1))
    }

    /// The bits of flags by `dig`'s names.
    package static func bits(_ names: some Sequence<some StringProtocol>) -> UInt16 {
        names.reduce(0) { bits, name in
            switch name {
            case "qr": bits | 0x8000
            case "aa": bits | 0x0400
            case "tc": bits | 0x0200
            case "rd": bits | 0x0100
            case "ra": bits | 0x0080
            case "z": bits | 0x0040
            case "ad": bits | 0x0020
            case "cd": bits | 0x0010
            default: preconditionFailure("unknown flag \(name)")
            }
        }
    }
}

extension Message.Entry: CustomStringConvertible {
    /// Reads `a.example.org. 30 A 192.0.2.1`, with an optional class in front of the type.
    package init(_ line: some StringProtocol) {
        var words = String(line).split(separator: " ").map(String.init)[...]
        guard let name = words.popFirst(), let ttl = words.popFirst().flatMap({ UInt32($0) }) else {
            preconditionFailure("not a record: \(line)")
        }
        var recordClass = RecordClass.internet
        if words.first == "CH" {
            recordClass = .chaos
            words.removeFirst()
        }
        guard let type = words.popFirst().flatMap({ RecordType($0) }) else {
            preconditionFailure("no type: \(line)")
        }
        self.init(
            name: name,
            timeToLive: ttl,
            recordClass: recordClass,
            type: type,
            data: words.joined(separator: " ")
        )
    }

    package var description: String {
        "\(name) \(timeToLive) \(recordClass == .internet ? "" : "\(recordClass) ")\(type) \(data)"
    }
}
