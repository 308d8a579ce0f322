// `local`: names that never leave a host are answered here (RFC 6303, RFC 6761, 6.3).

import Addresses
import Corefile
import DNSWire
package import Resolution

/// The presence of a `local` line.
package struct LocalConfiguration: PluginConfiguration {}

package enum Local: BareDirective {
    package static let name = "local"
    static let presence = LocalConfiguration()
}

extension LocalConfiguration: BlockPlugin {
    package static var name: String { Local.name }

    package func join(_ block: inout ServerBlock.Plugins, in place: PluginPlace) {
        block.gates.append(LocalGate())
    }
}

/// Answers `localhost`, its addresses' names, and what lies in the zones of RFC 6303, 4.1 beside them.
struct LocalGate: QueryGate {
    private static let timeToLive: UInt32 = 604_800
    private static let zones = ["localhost", "0.in-addr.arpa", "127.in-addr.arpa", "255.in-addr.arpa"]
        .compactMap { DomainName($0) }

    private let address = ShortAnswer(type: .a, timeToLive: timeToLive, data: [127, 0, 0, 1])
    private let address6 = ShortAnswer(
        type: .aaaa,
        timeToLive: timeToLive,
        data: [UInt8](repeating: 0, count: 15) + [1]
    )
    private let pointer = ShortAnswer(
        type: .ptr,
        timeToLive: timeToLive,
        data: [9] + Array("localhost".utf8) + [0]
    )
    private let localhost = DomainName("localhost") ?? .root
    private let loopback = DomainName("1.0.0.127.in-addr.arpa") ?? .root

    func judge(
        _ query: borrowing Query,
        packet: Span<UInt8>,
        from client: Endpoint?,
        into output: inout MutableSpan<UInt8>
    ) -> GateVerdict {
        // Making a name allocates; most names are ruled out by how they end.
        guard query.isOfInternet, mayBeLocal(packet, query), let name = query.domainName,
            Self.zones.contains(where: { name.isWithin($0) })
        else { return .pass }
        let answer: ShortAnswer? =
            switch query.type {
            case .a where name == localhost: address
            case .aaaa where name == localhost: address6
            case .ptr where name == loopback: pointer
            default: nil
            }
        let size =
            answer?.write(to: query, packet: packet, into: &output)
            ?? ReplyWriter.writeError(.noError, to: query, packet: packet, into: &output)
        return .reply(size, by: .local)
    }

    /// The last letter of `localhost` is t, that of `arpa` a; behind it the root label, type and class.
    private func mayBeLocal(_ packet: Span<UInt8>, _ query: borrowing Query) -> Bool {
        guard query.nameSize > 1 else { return false }
        let last = packet[query.questionEnd - 6].asciiLowercased
        return last == UInt8(ascii: "t") || last == UInt8(ascii: "a")
    }
}
