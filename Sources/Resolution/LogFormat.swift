// The format of a `log` line: text with fields in braces, read once, filled in per query.

package import Addresses
package import DNSWire

/// What a line can tell about a query.
package struct LogEvent: Sendable {
    let client: Endpoint?
    let id: UInt16
    let type: RecordType
    let recordClass: RecordClass
    let name: String
    let transport: Transport
    let size: Int
    let dnssecOK: Bool
    let bufferSize: Int
    let opcode: Opcode
    /// Nil when no plugin wrote a reply.
    let flags: HeaderFlags?
    let code: ResponseCode?
    let replySize: Int
    let nanoseconds: UInt64

    init(
        _ query: borrowing Query,
        name: DomainName,
        client: Endpoint?,
        transport: Transport,
        flags: HeaderFlags?,
        code: ResponseCode?,
        replySize: Int,
        nanoseconds: UInt64
    ) {
        self.client = client
        id = query.id
        type = query.type
        recordClass = query.recordClass
        self.name = name.description
        self.transport = transport
        size = query.size
        dnssecOK = query.dnssecOK
        bufferSize =
            transport == .tcp
            ? Limits.messageSize : max(Limits.plainUDPSize, Int(query.edns?.payloadSize ?? 0))
        opcode = query.flags.opcode
        self.flags = flags
        self.code = code
        self.replySize = replySize
        self.nanoseconds = nanoseconds
    }
}

/// A format that was read.
package struct LogFormat: Sendable, Hashable {
    private enum Piece: Sendable, Hashable {
        case text(String)
        case field(String)
    }

    private let pieces: [Piece]

    /// Reads a format; a field that nobody knows prints `-`, as in CoreDNS.
    package init(_ format: String) {
        var pieces: [Piece] = []
        var rest = format[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            pieces.append(.text(String(rest[..<open])))
            pieces.append(.field(String(rest[rest.index(after: open)..<close])))
            rest = rest[rest.index(after: close)...]
        }
        pieces.append(.text(String(rest)))
        self.pieces = pieces
    }

    /// The text for a query that has no reply yet.
    package func line(
        for query: borrowing Query,
        from client: Endpoint,
        over transport: Transport
    ) -> String {
        guard let name = query.domainName else { return "" }
        let event = LogEvent(
            query,
            name: name,
            client: client,
            transport: transport,
            flags: nil,
            code: nil,
            replySize: 0,
            nanoseconds: 0
        )
        return line(for: event)
    }

    /// The line for one query.
    func line(for event: LogEvent) -> String {
        pieces.reduce(into: "") { line, piece in
            switch piece {
            case .text(let text): line += text
            case .field(let name): line += Self.value(of: name, event)
            }
        }
    }

    private static func value(of field: String, _ event: LogEvent) -> String {
        switch field {
        case "remote": remote(event.client)
        case "port": event.client.map { String($0.port) } ?? "-"
        case ">id": String(event.id)
        case "type": event.type.description
        case "class": event.recordClass.description
        case "name": event.name
        case "proto": event.transport.rawValue
        case "size": String(event.size)
        case ">do": String(event.dnssecOK)
        case ">bufsize": String(event.bufferSize)
        case ">opcode": String(event.opcode.rawValue)
        case "rcode": event.code?.description ?? "-"
        case ">rflags": event.flags.map(text(of:)) ?? "-"
        case "rsize": String(event.replySize)
        case "duration": seconds(event.nanoseconds)
        default: "-"
        }
    }

    private static func remote(_ client: Endpoint?) -> String {
        guard let address = client?.address else { return "-" }
        return address.family == .v6 ? "[\(address)]" : address.description
    }

    private static func text(of flags: HeaderFlags) -> String {
        let names: [(UInt16, String)] = [
            (HeaderFlags.response, "qr"), (HeaderFlags.authoritative, "aa"), (HeaderFlags.truncated, "tc"),
            (HeaderFlags.recursionDesired, "rd"), (HeaderFlags.recursionAvailable, "ra"), (0x0040, "z"),
            (HeaderFlags.authenticData, "ad"), (HeaderFlags.checkingDisabled, "cd"),
        ]
        return names.filter { flags.has($0.0) }.map(\.1).joined(separator: ",")
    }

    /// Seconds with all decimals that matter: `0.001547525s`.
    private static func seconds(_ nanoseconds: UInt64) -> String {
        var digits = String(nanoseconds % 1_000_000_000)
        digits = String(repeating: "0", count: 9 - digits.count) + digits
        while digits.last == "0" { digits.removeLast() }
        let whole = nanoseconds / 1_000_000_000
        return digits.isEmpty ? "\(whole)s" : "\(whole).\(digits)s"
    }
}
