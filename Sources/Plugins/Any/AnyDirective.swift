// `any`: short answers to questions of type ANY (RFC 8482).

import Addresses
import Corefile
import DNSWire
package import Resolution

/// The presence of an `any` line.
package struct AnyConfiguration: PluginConfiguration {}

package enum AnyPlugin: BareDirective {
    package static let name = "any"
    static let presence = AnyConfiguration()
}

extension AnyConfiguration: BlockPlugin {
    package static var name: String { AnyPlugin.name }

    package func join(_ block: inout ServerBlock.Plugins, in place: PluginPlace) {
        block.gates.append(AnyGate())
    }
}

/// Answers ANY with one HINFO record that says so (RFC 8482, 4.2).
struct AnyGate: QueryGate {
    /// `HINFO "ANY obsoleted" "See RFC 8482"` with CoreDNS' time to live.
    private let answer = ShortAnswer(
        type: .hinfo,
        timeToLive: 8482,
        data: ShortAnswer.text(["ANY obsoleted", "See RFC 8482"])
    )

    func judge(
        _ query: borrowing Query,
        packet: Span<UInt8>,
        from client: Endpoint?,
        into output: inout MutableSpan<UInt8>
    ) -> GateVerdict {
        guard query.type == .any, query.isOfInternet else { return .pass }
        return .reply(answer.write(to: query, packet: packet, into: &output), by: .any)
    }
}
