// The table that takes DNS of our addresses out of conntrack, and by being there says "the agent is
// alive". It dies with the socket that owns it; what then happens is FallbackTable's matter.

import Addresses
import CNetlink
import Glibc

extension RuleSet {
    /// The comment node-cache puts on its rules of this meaning.
    static let comment = "\(ForeignRules.commentPrefix) skip conntrack"

    /// NOTRACK for what goes to and comes from the plan's services of one family.
    ///
    /// A packet of a pod to us enters at `prerouting`; a packet of the host to us, and every answer of
    /// ours, at `output`. With `isGated` only while a socket is bound to exactly its address. Rules that accept in the filter hooks are left out on purpose: see
    /// docs/decisions/0005-accept-rules.md.
    static func untracked(
        _ plan: NetworkPlan,
        family: IPAddress.Family,
        name: String,
        isGated: Bool,
        without missing: Set<KernelFeature> = []
    ) -> RuleSet {
        let addresses = plan.addresses.filter { $0.family == family }
        let services = NamedSet.services("services", addresses, plan.services)
        let deadMan = missing.contains(.flowMemory) ? nil : plan.deadMan
        let isGated = isGated && !missing.contains(.socketMatch)

        let alive: [Statement] = deadMan == nil ? [] : [.isMember([.destinationAddress], ofSet: "alive")]
        let toUs = Statement.isMember(NamedSet.destination, ofSet: services.name)
        let fromUs = Statement.isMember(NamedSet.source, ofSet: services.name)

        var prerouting: [Rule] = []
        var output: [Rule] = []
        var sets = [services]
        if let deadMan {
            sets += [
                NamedSet(name: "alive", fields: [.destinationAddress], timeout: deadMan.timeout),
                NamedSet.addresses("addresses", addresses),
            ]
            // The heart-beat's questions must pass while nothing is alive yet; its answers keep us alive.
            let heartbeat = Rule.untracked([
                .isMember([.sourceAddress], ofSet: "addresses"),
                .isEqual(.sourcePort, .port(deadMan.heartbeatPort)), toUs,
            ])
            prerouting.append(heartbeat)
            output += [
                heartbeat,
                Rule(
                    statements: [
                        .isEqual(.transportProtocol, .transportProtocol(UInt8(IPPROTO_UDP))),
                        .isEqual(.sourcePort, .port(plan.dnsPort)),
                        .isEqual(.destinationPort, .port(deadMan.heartbeatPort)),
                        .isMember([.destinationAddress], ofSet: "addresses"),
                        .remember([.sourceAddress], inSet: "alive"),
                    ],
                    comment: "\(ForeignRules.commentPrefix) heart-beat"
                ),
            ]
        }
        if isGated {
            // No gate for TCP behind its SYN: `socket` sees neither half-open nor closing connections.
            prerouting.append(.untracked(alive + [.notOpeningTCP, toUs]))
        }
        prerouting.append(.untracked(alive + [toUs] + (isGated ? [.hasOwnSocket] : [])))
        // Our own look-ups of the upstream Service go past us, to whoever is behind our ClusterIP.
        output.append(Rule(statements: [.hasMark(NetworkPlan.clusterMark), .returnToCaller]))
        output += [.untracked(alive + [toUs]), .untracked([fromUs])]
        return RuleSet(
            family: family,
            name: name,
            sets: sets,
            chains: [
                Chain(name: "prerouting", base: .init(hook: .prerouting, priority: -300), rules: prerouting),
                Chain(name: "output", base: .init(hook: .output, priority: -300), rules: output),
            ]
        )
    }
}

extension RuleSet {
    /// What an agent that is about to end leaves in place of `untracked`: its TCP connections stay its own, also
    /// those that are being opened, which no socket has yet for the fall-back to see.
    static func openConnections(_ plan: NetworkPlan, family: IPAddress.Family, name: String) -> RuleSet {
        let addresses = plan.addresses.filter { $0.family == family }
        let services = NamedSet.services("services", addresses, plan.services)
        let toUs = Rule.untracked([.notOpeningTCP, .isMember(NamedSet.destination, ofSet: services.name)])
        let fromUs = Rule.untracked([.isMember(NamedSet.source, ofSet: services.name)])
        return RuleSet(
            family: family,
            name: name,
            sets: [services],
            chains: [
                Chain(name: "prerouting", base: .init(hook: .prerouting, priority: -300), rules: [toUs]),
                Chain(name: "output", base: .init(hook: .output, priority: -300), rules: [toUs, fromUs]),
            ]
        )
    }
}

extension Rule {
    fileprivate static func untracked(_ conditions: [Statement]) -> Rule {
        Rule(statements: conditions + [.notrack, .accept], comment: RuleSet.comment)
    }
}

// MARK: - Parts both tables are made of

extension NamedSet {
    static let destination: [Field] = [.destinationAddress, .transportProtocol, .destinationPort]
    static let source: [Field] = [.sourceAddress, .transportProtocol, .sourcePort]

    /// Every service on every address.
    static func services(
        _ name: String,
        _ addresses: [IPAddress],
        _ services: [NetworkPlan.Service]
    ) -> NamedSet {
        let elements: [[Value]] = addresses.flatMap { address in
            services.map { [.address(address), .transportProtocol($0.transport), .port($0.port)] }
        }
        return NamedSet(name: name, fields: destination, elements: elements)
    }

    static func addresses(_ name: String, _ addresses: [IPAddress]) -> NamedSet {
        NamedSet(name: name, fields: [.destinationAddress], elements: addresses.map { [.address($0)] })
    }
}

extension Statement {
    private static let syn = UInt8(0x02)
    private static let ack = UInt8(0x10)

    /// TCP, and not the first packet of either side.
    static let notOpeningTCP = Statement.tcpFlags(0, of: syn)
    /// TCP, and the first packet of the asking side.
    static let openingTCP = Statement.tcpFlags(syn, of: syn | ack)
}

extension NetworkPlan {
    /// A port of a transport.
    struct Service: Hashable {
        let transport: UInt8
        let port: UInt16
    }

    /// DNS over both transports.
    var dnsServices: [Service] {
        [
            Service(transport: UInt8(IPPROTO_UDP), port: dnsPort),
            Service(transport: UInt8(IPPROTO_TCP), port: dnsPort),
        ]
    }

    /// What is served on every address: DNS, and health over TCP.
    fileprivate var services: [Service] {
        // A set refuses an element twice.
        healthPort == dnsPort
            ? dnsServices : dnsServices + [Service(transport: UInt8(IPPROTO_TCP), port: healthPort)]
    }
}
