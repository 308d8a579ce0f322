// Our nftables table as a value one can read: sets, chains, rules, comments. How a value becomes the
// kernel's expressions is RuleCompiler's work. Each value prints itself as nft(8) would.
//
// What is here is what the one table needs. A further kind of statement (payload write, ct zone, dynset,
// socket, masquerade) is a case of `Statement`, a line of its text, and a branch in RuleCompiler.

import Addresses
import Glibc

/// A whole table of one family.
struct RuleSet: Hashable, Sendable {
    let family: IPAddress.Family
    let name: String
    let sets: [NamedSet]
    let chains: [Chain]

    /// `ip nodelocaldns-6b0f3a51`.
    var title: String { Self.title(family, name) }

    /// A table's name as nft prints it, family first.
    static func title(_ family: IPAddress.Family, _ name: String) -> String {
        "\(family == .v4 ? "ip" : "ip6") \(name)"
    }
}

/// A named set; its elements are concatenations of the fields' values.
struct NamedSet: Hashable, Sendable {
    let name: String
    let fields: [Field]
    let elements: [[Value]]
}

/// A base chain of type filter that accepts what no rule decides.
struct Chain: Hashable, Sendable {
    let name: String
    let hook: Hook
    /// Lower comes first; conntrack sits at -200, `raw` at -300.
    let priority: Int32
    let rules: [Rule]

    /// Where in the kernel's packet path a chain is called (enum nf_inet_hooks).
    enum Hook: UInt32, Sendable {
        case prerouting = 0
        case output = 3
    }
}

/// One rule: its statements from left to right, and the comment that says whose it is.
struct Rule: Hashable, Sendable {
    let statements: [Statement]
    let comment: String
}

/// One step of a rule.
enum Statement: Hashable, Sendable {
    /// Goes on only if the fields' values, side by side, are an element of the set.
    case isMember([Field], ofSet: String)
    /// Takes the packet out of connection tracking.
    case notrack
    /// Ends this chain for the packet; other tables still see it.
    case accept
}

/// A part of a packet that can be looked at.
enum Field: Hashable, Sendable {
    case sourceAddress
    case destinationAddress
    case transportProtocol
    case sourcePort
    case destinationPort
}

/// A value of a field.
enum Value: Hashable, Sendable {
    case address(IPAddress)
    case transportProtocol(UInt8)
    case port(UInt16)
}

// MARK: - The table we commit

extension RuleSet {
    /// The comment node-cache puts on its rules of this meaning.
    static let comment = "NodeLocal DNS Cache: skip conntrack"

    /// NOTRACK for what goes to and comes from the plan's services of one family.
    ///
    /// A packet of a pod to us enters at `prerouting`; a packet of the host to us, and every answer of
    /// ours, at `output`. Rules that accept in the filter hooks are left out on purpose: see
    /// docs/decisions/0005-accept-rules.md.
    static func untracked(_ plan: NetworkPlan, family: IPAddress.Family, name: String) -> RuleSet {
        let services = NamedSet(
            name: "services",
            fields: [.destinationAddress, .transportProtocol, .destinationPort],
            elements: plan.addresses.filter { $0.family == family }.flatMap { address in
                plan.services.map { service in
                    [.address(address), .transportProtocol(service.transport), .port(service.port)]
                }
            }
        )
        let toUs = rule([.destinationAddress, .transportProtocol, .destinationPort], in: services)
        let fromUs = rule([.sourceAddress, .transportProtocol, .sourcePort], in: services)
        return RuleSet(
            family: family,
            name: name,
            sets: [services],
            chains: [
                Chain(name: "prerouting", hook: .prerouting, priority: -300, rules: [toUs]),
                Chain(name: "output", hook: .output, priority: -300, rules: [toUs, fromUs]),
            ]
        )
    }

    private static func rule(_ fields: [Field], in set: NamedSet) -> Rule {
        Rule(statements: [.isMember(fields, ofSet: set.name), .notrack, .accept], comment: comment)
    }
}

extension NetworkPlan {
    /// What is served on every address: DNS over both transports, and health over TCP.
    fileprivate var services: [(transport: UInt8, port: UInt16)] {
        let dns = [
            (transport: UInt8(IPPROTO_UDP), port: dnsPort), (transport: UInt8(IPPROTO_TCP), port: dnsPort),
        ]
        // A set refuses an element twice.
        return healthPort == dnsPort ? dns : dns + [(transport: UInt8(IPPROTO_TCP), port: healthPort)]
    }
}

// MARK: - Text

extension Rule {
    /// The rule as nft(8) prints it.
    func text(_ family: IPAddress.Family) -> String {
        statements.map { $0.text(family) }.joined(separator: " ") + " comment \"\(comment)\""
    }
}

extension Statement {
    fileprivate func text(_ family: IPAddress.Family) -> String {
        switch self {
        case .isMember(let fields, let set):
            fields.map { $0.text(family) }.joined(separator: " . ") + " @\(set)"
        case .notrack: "notrack"
        case .accept: "accept"
        }
    }
}

extension Field {
    fileprivate func text(_ family: IPAddress.Family) -> String {
        let network = family == .v4 ? "ip" : "ip6"
        return switch self {
        case .sourceAddress: "\(network) saddr"
        case .destinationAddress: "\(network) daddr"
        case .transportProtocol: "meta l4proto"
        case .sourcePort: "th sport"
        case .destinationPort: "th dport"
        }
    }
}
