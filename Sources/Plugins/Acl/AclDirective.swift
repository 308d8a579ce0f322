// `acl`: who may ask what. Rules are tried in order, the first that fits decides; without one the query passes.

package import Addresses
package import Corefile
package import DNSWire

/// All `acl` lines of a block.
package struct AclConfiguration: PluginConfiguration {
    /// What happens to a query.
    package enum Action: String, Sendable, CaseIterable {
        case allow
        /// REFUSED.
        case block
        /// An empty answer.
        case filter
        /// No answer at all.
        case drop
    }

    /// One line of the plugin's block.
    package struct Rule: Hashable, Sendable {
        /// Names outside are not this rule's.
        package var zones: [DomainName]
        package var action: Action
        /// Empty: all types.
        package var types: Set<RecordType> = []
        /// Empty: all clients.
        package var sources: [Subnet] = []
    }

    package var rules: [Rule]
}

package enum Acl: Directive {
    package static let name = "acl"
    package static let properties = ["allow", "block", "filter", "drop"].map {
        DirectiveProperty("\($0) [type QTYPE...] [net SOURCE...]")
    }

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        var rules: [AclConfiguration.Rule] = []
        for line in lines {
            let zones = line.arguments.isEmpty ? block.zones : block.readZones(line.arguments)
            for property in line.lines {
                block.attempt { () throws(Diagnostic) in rules.append(try rule(property, zones, block)) }
            }
        }
        return [AclConfiguration(rules: rules)]
    }

    private static func rule(
        _ line: DirectiveSyntax,
        _ zones: [DomainName],
        _ block: BlockContext
    ) throws(Diagnostic) -> AclConfiguration.Rule {
        guard let action = AclConfiguration.Action(rawValue: line.name.text.lowercased()) else {
            throw Diagnostic(
                at: line.name.location,
                "unexpected token \"\(line.name.text)\"; expect 'allow', 'block', 'filter' or 'drop'",
                hint: "write: ACTION [type QTYPE...] [net SOURCE...]"
            )
        }
        var rule = AclConfiguration.Rule(zones: zones, action: action)
        var section: Token?
        var wordsOfSection = 0
        for token in line.arguments {
            if ["type", "net"].contains(token.text.lowercased()) {
                try requireWords(wordsOfSection, in: section)
                section = token
                wordsOfSection = 0
                continue
            }
            wordsOfSection += 1
            switch section?.text.lowercased() {
            case "type": if token.text != "*" { rule.types.insert(try type(token)) }
            case "net": if token.text != "*" { rule.sources.append(try source(token)) }
            default:
                throw Diagnostic(
                    at: token.location,
                    "unexpected token \"\(token.text)\"; expect 'type | net'",
                    hint: "write: \(action.rawValue) [type QTYPE...] [net SOURCE...]"
                )
            }
        }
        try requireWords(wordsOfSection, in: section)
        return rule
    }

    private static func requireWords(_ count: Int, in section: Token?) throws(Diagnostic) {
        guard let section, count == 0 else { return }
        throw Diagnostic(
            at: section.location,
            "no token specified in \"\(section.text)\" section",
            hint: "write '*' for all"
        )
    }

    private static func type(_ token: Token) throws(Diagnostic) -> RecordType {
        guard let type = RecordType(token.text) else {
            throw Diagnostic(
                at: token.location,
                "unexpected token \"\(token.text)\"; expect legal QTYPE",
                hint: "write a record type such as A, or '*'"
            )
        }
        return type
    }

    private static func source(_ token: Token) throws(Diagnostic) -> Subnet {
        if let subnet = Subnet(token.text) { return subnet }
        if let address = IPAddress(token.text) { return Subnet(address, prefixLength: address.bitWidth) }
        throw Diagnostic(
            at: token.location,
            "illegal CIDR notation \"\(token.text)\"",
            hint: "write an address or a network such as 192.0.2.0/24"
        )
    }
}
