// `acl` at work, on the thread that read the query: nothing here allocates for a query that passes.

import Addresses
import DNSWire
package import Resolution

extension AclConfiguration: BlockPlugin {
    package static var name: String { Acl.name }

    package func join(_ block: inout ServerBlock.Plugins, in place: PluginPlace) {
        block.gates.append(AclGate(self, place))
    }
}

/// Judges queries by name, type and client.
struct AclGate: QueryGate {
    private let rules: [AclConfiguration.Rule]
    /// All names of the block are every rule's, so that no name has to be made to find out.
    private let rulesCoverBlock: Bool

    init(_ configuration: AclConfiguration, _ place: PluginPlace) {
        rules = configuration.rules
        rulesCoverBlock = configuration.rules.allSatisfy { rule in
            place.zones.allSatisfy { zone in rule.zones.contains { zone.isWithin($0) } }
        }
    }

    func judge(
        _ query: borrowing Query,
        packet: Span<UInt8>,
        from client: Endpoint?,
        into output: inout MutableSpan<UInt8>
    ) -> GateVerdict {
        let name = rulesCoverBlock ? nil : query.domainName
        for rule in rules where fits(rule, query.type, name, client) {
            switch rule.action {
            case .allow: return .pass
            case .drop: return .drop
            case .block:
                let size = ReplyWriter.writeError(
                    .refused,
                    to: query,
                    packet: packet,
                    extendedError: .blocked,
                    into: &output
                )
                return .reply(size, by: .acl)
            case .filter:
                let size = ReplyWriter.writeError(
                    .noError,
                    to: query,
                    packet: packet,
                    extendedError: .filtered,
                    into: &output
                )
                return .reply(size, by: .acl)
            }
        }
        return .pass
    }

    private func fits(
        _ rule: AclConfiguration.Rule,
        _ type: RecordType,
        _ name: DomainName?,
        _ client: Endpoint?
    ) -> Bool {
        if let name, !rule.zones.contains(where: { name.isWithin($0) }) { return false }
        if !rule.types.isEmpty, !rule.types.contains(type) { return false }
        if rule.sources.isEmpty { return true }
        guard let address = client?.address else { return false }
        return rule.sources.contains { $0.contains(address) }
    }
}
