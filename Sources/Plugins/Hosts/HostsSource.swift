// The answers of `hosts`.

import Addresses
import DNSWire
package import Resolution
import Telemetry

extension HostsConfiguration: BlockPlugin {
    package static var name: String { Hosts.name }

    package func join(_ block: inout ServerBlock.Plugins, in place: PluginPlace) {
        place.numbers.set(.hostsEntries, [path], Double(table.count))
        place.numbers.set(.hostsReloadTime, [], Double(place.numbers.wallClock()))
        block.beforeForward.append(HostsSource(configuration: self))
    }
}

/// Answers from the table; a known name has no other records than addresses.
struct HostsSource: AnswerSource {
    let configuration: HostsConfiguration
    var name: String { Hosts.name }

    func ask(
        _ question: SourceQuestion,
        in context: SourceContext,
        _ completion: @escaping (SourceOutcome) -> Void
    ) {
        let isOurs = configuration.zones.contains { question.name.isWithin($0) }
        // Reverse names need not lie within the zones.
        guard isOurs || question.type == .ptr else { return context.next(question, completion) }
        var reply = ReplyMessage(to: question, isAuthoritative: true)
        let owner = Array(question.octets.dropLast(4))
        if question.type == .ptr {
            let names = ReverseName.address(of: question.name).flatMap { configuration.table.names[$0] }
            guard let names else { return context.next(question, completion) }
            reply.answers = names.map { record(owner, .ptr, $0.wire) }
        } else {
            guard let addresses = configuration.table.addresses[question.name] else {
                if configuration.fallThrough.lets(question.name) { return context.next(question, completion) }
                // Without an SOA NXDOMAIN would be no answer; CoreDNS says SERVFAIL.
                return completion(.unanswered(.serverFailure))
            }
            let family: IPAddress.Family? =
                question.type == .a ? .v4 : question.type == .aaaa ? .v6 : nil
            reply.answers = addresses.filter { $0.family == family }.map {
                record(owner, question.type, $0.bytes)
            }
        }
        completion(.answered(reply.encoded(), by: .hosts, from: .plugin(name)))
    }

    private func record(_ owner: [UInt8], _ type: RecordType, _ data: [UInt8]) -> ResourceRecord {
        ResourceRecord(owner, type, timeToLive: configuration.timeToLive, data: data)
    }
}
