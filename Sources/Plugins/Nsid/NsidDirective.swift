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

/// Adds the option to the reply's OPT record.
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
        guard query.edns != nil, asks(packet, query.questionEnd) else { return size }
        return ReplyWriter.addOption(
            Self.code,
            data.span,
            to: &reply,
            size: size,
            limit: limit,
            questionEnd: query.questionEnd
        )
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
}
