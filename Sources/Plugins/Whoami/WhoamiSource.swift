// The answer of `whoami`: nothing in the answer section, the client's address and port as additional records.

import Addresses
import DNSWire
package import Resolution

extension WhoamiConfiguration: BlockPlugin {
    package static var name: String { Whoami.name }

    package func join(_ block: inout ServerBlock.Plugins, in place: PluginPlace) {
        block.behindForward.append(WhoamiSource())
    }
}

/// Stands last: whatever reaches it is answered.
struct WhoamiSource: AnswerSource {
    let name = Whoami.name
    let dependsOnClient = true

    func ask(
        _ question: SourceQuestion,
        in context: SourceContext,
        _ completion: @escaping (SourceOutcome) -> Void
    ) {
        guard let client = context.client else { return completion(.unanswered(.serverFailure)) }
        var reply = ReplyMessage(to: question, isAuthoritative: true)
        let owner = Array(question.octets.dropLast(4))
        let address = client.address.bytes
        let type: RecordType = address.count == 4 ? .a : .aaaa
        reply.additional.append(ResourceRecord(owner, type, timeToLive: 0, data: address))
        // `_udp.example.org. SRV 0 0 PORT .`
        let transport = Array("_\(question.query.clientTransport.rawValue)".utf8)
        let service = [UInt8(transport.count)] + transport + owner
        let port = [UInt8(truncatingIfNeeded: client.port >> 8), UInt8(truncatingIfNeeded: client.port)]
        if service.count <= Limits.nameSize {
            reply.additional.append(
                ResourceRecord(service, .srv, timeToLive: 0, data: [0, 0, 0, 0] + port + [0])
            )
        }
        completion(.answered(reply.encoded(), by: .whoami, from: .plugin(name)))
    }
}
