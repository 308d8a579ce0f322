// `nsid`: says which server has answered, to those who ask (RFC 5001).

import Addresses
package import Corefile
import DNSWire
package import Resolution

/// What the `nsid` line of a block says.
package struct NsidConfiguration: PluginConfiguration {
    /// Nil is the name of the host.
    package var data: String?
}

package enum Nsid: Directive {
    package static let name = "nsid"

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        block.attempt { () throws(Diagnostic) in try line.requireNoBlock() }
        let words = line.arguments.map(\.text).joined(separator: " ")
        return [NsidConfiguration(data: words.isEmpty ? nil : words)]
    }
}

extension NsidConfiguration: BlockPlugin {
    package static var name: String { Nsid.name }

    package func join(_ block: inout ServerBlock.Plugins, in place: PluginPlace) {
        block.filters.append(NsidFilter(data: Array((data ?? place.host).utf8.prefix(255))))
    }
}

/// Adds the option to the reply's OPT record, which stands last.
struct NsidFilter: ReplyFilter {
    private static let code: UInt16 = 3
    let data: [UInt8]

    func change(
        _ reply: inout MutableSpan<UInt8>,
        size: Int,
        limit: Int,
        to query: borrowing Query,
        packet: Span<UInt8>,
        random: inout RandomStream
    ) -> Int {
        guard query.edns != nil, size + 4 + data.count <= limit, asks(packet, query.questionEnd),
            let length = optLength(Span(_mutableSpan: reply), query.questionEnd, size)
        else { return size }
        reply.store(Self.code, at: size)
        reply.store(UInt16(truncatingIfNeeded: data.count), at: size + 2)
        for index in data.indices { reply[size + 4 + index] = data[index] }
        let before = Span(_mutableSpan: reply).uint16(at: length)
        reply.store(before + UInt16(truncatingIfNeeded: 4 + data.count), at: length)
        return size + 4 + data.count
    }

    /// Whether the client's OPT record has the option.
    private func asks(_ packet: Span<UInt8>, _ questionEnd: Int) -> Bool {
        var cursor = RecordCursor(at: questionEnd)
        while let record = cursor.next(in: packet) {
            guard record.type == .opt else { continue }
            var at = record.data.lowerBound
            while at + 4 <= record.data.upperBound {
                if packet.uint16(at: at) == Self.code { return true }
                at += 4 + Int(packet.uint16(at: at + 2))
            }
        }
        return false
    }

    /// Where the length of the OPT record stands, if that is the last record.
    private func optLength(_ reply: Span<UInt8>, _ questionEnd: Int, _ size: Int) -> Int? {
        var cursor = RecordCursor(at: questionEnd)
        while cursor.offset < size, let record = cursor.next(in: reply) {
            if record.type == .opt, record.data.upperBound == size { return record.data.lowerBound - 2 }
        }
        return nil
    }
}
