// `dns64` at work. It stands below the cache, so that what it makes is kept like any other answer; clients that it
// is not for go past the cache with such questions.

import Addresses
import DNSWire
package import Resolution
import Telemetry

extension DNS64Configuration: BlockPlugin {
    package static var name: String { DNS64.name }

    package func join(_ block: inout ServerBlock.Plugins, in place: PluginPlace) {
        if !allowsIPv4 { block.familyWithoutIPv6Answers = .v4 }
        block.beforeForward.append(DNS64Source(configuration: self, numbers: place.numbers))
    }
}

/// Asks for IPv4 addresses when there are no others.
struct DNS64Source: AnswerSource {
    let configuration: DNS64Configuration
    let numbers: PluginNumbers
    var name: String { DNS64.name }

    /// Without an SOA that says how long (RFC 6147, 5.1.7).
    private static let defaultTimeToLive: UInt32 = 600

    func ask(
        _ question: SourceQuestion,
        in context: SourceContext,
        _ completion: @escaping (SourceOutcome) -> Void
    ) {
        guard question.type == .aaaa, question.recordClass == .internet,
            configuration.allowsIPv4 || context.family == .v6, let lookUp = context.lookUp
        else { return context.next(question, completion) }
        context.next(question) { outcome in
            var timeToLive = Self.defaultTimeToLive
            if case .answered(let message, _, _) = outcome, let reply = ReplyMessage(message) {
                let hasOwn = reply.answers.contains { $0.type == .aaaa }
                if reply.responseCode == .nameError || hasOwn && !configuration.translatesAll {
                    return completion(outcome)
                }
                timeToLive = reply.authority.first { $0.type == .soa }?.timeToLive ?? timeToLive
            }
            lookUp(question.name, .a) { message in
                guard let reply = translated(message, question, atMost: timeToLive) else {
                    return completion(outcome)
                }
                numbers.count(.dns64Translated, [context.server])
                completion(.answered(reply.encoded(), by: .dns64, from: .plugin(name)))
            }
        }
    }

    /// The answer with IPv6 addresses; nil when it has no IPv4 addresses.
    private func translated(
        _ message: [UInt8],
        _ question: SourceQuestion,
        atMost timeToLive: UInt32
    ) -> ReplyMessage? {
        guard var reply = ReplyMessage(message), reply.responseCode == .noError,
            reply.answers.contains(where: { $0.type == .a })
        else { return nil }
        reply.question = Array(question.octets)
        // Nobody has signed this.
        reply.flags.rawValue &= ~(HeaderFlags.authenticData | HeaderFlags.authoritative)
        for index in reply.answers.indices where reply.answers[index].type == .a {
            reply.answers[index].type = .aaaa
            reply.answers[index].timeToLive = min(reply.answers[index].timeToLive, timeToLive)
            reply.answers[index].data = Self.embedded(reply.answers[index].data, in: configuration.prefix)
        }
        return reply
    }

    /// RFC 6052, 2.2: the address behind the prefix, around the octet of bits 64 to 71, which is zero.
    static func embedded(_ address: [UInt8], in prefix: Subnet) -> [UInt8] {
        var octets = prefix.address.bytes
        var place = prefix.prefixLength / 8
        for index in place..<16 { octets[index] = 0 }
        for octet in address {
            if place == 8 { place += 1 }
            octets[place] = octet
            place += 1
        }
        return octets
    }
}
