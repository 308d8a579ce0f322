// The OPT record of a question that goes upstream, with options that can be changed.

import Addresses
import DNSWire
import Resolution

extension EDNSChange {
    /// Whether the option tells clients apart.
    var dependsOnClient: Bool {
        switch value {
        case .subnet, .variable("{client_ip}"), .variable("{client_port}"), .variable("{protocol}"): true
        case .octets, .variable, .nothing: false
        }
    }

    /// The question with the changed option; nil when there was nothing to change.
    func applied(to question: SourceQuestion, _ context: SourceContext) -> SourceQuestion? {
        guard var options = EDNSOptions(question.query.message, questionEnd: question.query.questionEnd)
        else {
            return nil
        }
        let place = options.options.firstIndex { $0.code == code }
        guard action != .unset else {
            guard place != nil else { return nil }
            options.options.removeAll { $0.code == code }
            return question.sending(options.message)
        }
        guard let data = data(question, context) else { return nil }
        switch (place, action) {
        case (let place?, .set), (let place?, .replace): options.options[place].data = data
        case (nil, .set), (nil, .append): options.options.append((code, data))
        default: return nil
        }
        return question.sending(options.message)
    }

    /// Nil when what the option should say is not known.
    private func data(_ question: SourceQuestion, _ context: SourceContext) -> [UInt8]? {
        switch value {
        case .octets(let octets): return octets
        case .nothing: return nil
        case .subnet(let v4, let v6): return context.client.map { Self.subnetData($0.address, v4, v6) }
        case .variable("{qname}"): return Array(question.name.description.utf8)
        case .variable("{qtype}"): return Self.octets(question.type.rawValue)
        case .variable("{client_ip}"): return context.client?.address.bytes
        case .variable("{client_port}"): return context.client.map { Self.octets($0.port) }
        case .variable("{protocol}"): return Array(question.query.clientTransport.rawValue.utf8)
        case .variable(let name):
            let server = Endpoint(context.server.dropFirst("dns://".count))
            return name == "{server_ip}" ? server?.address.bytes : server.map { Self.octets($0.port) }
        }
    }

    private static func octets(_ number: UInt16) -> [UInt8] {
        [UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)]
    }

    /// RFC 7871, 6: family, source prefix length, scope zero, and as many octets as the prefix needs.
    private static func subnetData(_ address: IPAddress, _ v4: Int, _ v6: Int) -> [UInt8] {
        let bits = address.family == .v4 ? v4 : v6
        var octets = Array(address.bytes.prefix((bits + 7) / 8))
        if bits % 8 != 0, let last = octets.indices.last { octets[last] &= 0xff << UInt8(8 - bits % 8) }
        return [0, address.family == .v4 ? 1 : 2, UInt8(bits), 0] + octets
    }
}

/// A question's message, taken apart at its OPT record.
struct EDNSOptions {
    private let head: [UInt8]
    /// Name, type, size and flags: the OPT record up to its length.
    private let fixed: [UInt8]
    var options: [(code: UInt16, data: [UInt8])] = []

    /// Nil when the message has no OPT record at its end.
    init?(_ message: [UInt8], questionEnd: Int) {
        let bytes = message.span
        var cursor = RecordCursor(at: questionEnd)
        guard let record = cursor.next(in: bytes), record.type == .opt else { return nil }
        head = Array(message[..<record.start])
        fixed = Array(message[record.start..<record.data.lowerBound - 2])
        var at = record.data.lowerBound
        while at + 4 <= record.data.upperBound {
            let end = at + 4 + Int(bytes.uint16(at: at + 2))
            guard end <= record.data.upperBound else { return nil }
            options.append((bytes.uint16(at: at), Array(message[at + 4..<end])))
            at = end
        }
    }

    var message: [UInt8] {
        var data: [UInt8] = []
        for option in options {
            for word in [option.code, UInt16(truncatingIfNeeded: option.data.count)] {
                data += [UInt8(truncatingIfNeeded: word >> 8), UInt8(truncatingIfNeeded: word)]
            }
            data += option.data
        }
        let length = UInt16(truncatingIfNeeded: data.count)
        return head + fixed + [UInt8(length >> 8), UInt8(truncatingIfNeeded: length)] + data
    }
}
