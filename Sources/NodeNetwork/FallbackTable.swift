// The persistent table: what the kernel does with look-ups to our addresses that no agent took. It runs
// before and after the agent's own table, and both before conntrack:
//
//     -310 keep      TCP flows that began in fall-back stay there; answers of our sockets are never tracked
//     -300           the agent's table, if it lives: NOTRACK
//     -290 fall back what is still tracked: rewrite node-local addresses to the upstream Service
//     -200           conntrack; then kube-proxy translates the Service, or the ClusterIP, to an end point
//      110 restore   behind kube-proxy's un-doing of that: rewrite answers back
//
// Why each rule is there was measured; docs/decisions/0006-fail-over-in-the-kernel.md tells.

import Addresses
import Glibc

/// The fall-back of one family.
struct FallbackTable {
    static let name = "nodelocaldns-fallback"
    /// To be raised with a change that neither names nor rules show.
    private static let version = 1
    private static let commentPrefix = "node-local DNS fall-back "
    /// Longer than a client waits for an answer, and than our TCP listeners let a connection idle.
    private static let flowTimeout = Duration.seconds(30)

    private let plan: NetworkPlan
    let family: IPAddress.Family
    private let addresses: [IPAddress]
    private let upstream: IPAddress?
    private let zone: UInt16
    private let isBehindIPVS: Bool
    /// The addresses that are rewritten; none where there is nothing to rewrite them to.
    private let nodeLocal: [IPAddress]

    /// Nil where the plan wants none.
    init?(_ plan: NetworkPlan, family: IPAddress.Family) {
        guard let fallback = plan.fallback, plan.families.contains(family) else { return nil }
        let upstream = fallback.upstream.first { $0.family == family }
        self.plan = plan
        self.family = family
        self.upstream = upstream
        addresses = plan.addresses.filter { $0.family == family }
        nodeLocal = upstream == nil ? [] : addresses.filter(fallback.nodeLocalAddresses.contains)
        zone = fallback.zone
        isBehindIPVS = fallback.isBehindIPVS
    }

    // MARK: Version

    /// `node-local DNS fall-back 1 8d7ac2f0`: changes with every change of what the table would hold.
    var version: String {
        let rules = contents(without: [])
        let text =
            rules.sets.map { "\($0.name) \($0.fields) \($0.elements) \($0.timeout as Duration?)" }
            + rules.chains.flatMap { chain in
                ["\(chain.name) \(chain.base as Chain.Base?)"] + chain.rules.map { $0.text(family) }
            }
        // FNV-1a: any hash that is the same in every process.
        let hash = text.joined(separator: "\n").utf8.reduce(UInt32(0x811c_9dc5)) {
            ($0 ^ UInt32($1)) &* 0x0100_0193
        }
        let digits = String(hash, radix: 16)
        return "\(Self.commentPrefix)\(Self.version) "
            + String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// What a kernel had to do without when it was given a table with this comment; nil when the table is
    /// another version's.
    func missing(inComment comment: String) -> Set<KernelFeature>? {
        guard comment.hasPrefix(version) else { return nil }
        let words = comment.dropFirst(version.count).split(separator: " ")
        return Set(words.compactMap { KernelFeature(rawValue: String($0)) })
    }

    /// Whether a comment is that of a fall-back, but not of this one.
    func isOfOtherVersion(_ comment: String) -> Bool {
        comment.hasPrefix(Self.commentPrefix) && missing(inComment: comment) == nil
    }

    private func comment(without missing: Set<KernelFeature>) -> String {
        missing.isEmpty
            ? version : version + " without " + missing.map(\.rawValue).sorted().joined(separator: " ")
    }

    // MARK: Contents

    /// The table; `missing` names what the kernel cannot do.
    func rules(without missing: Set<KernelFeature>) -> RuleSet {
        var rules = contents(without: missing)
        rules.comment = comment(without: missing)
        return rules
    }

    private func contents(without missing: Set<KernelFeature>) -> RuleSet {
        let keepsFlows = !missing.contains(.flowMemory)
        var sets = [NamedSet.services("services", addresses, plan.dnsServices)]
        if !nodeLocal.isEmpty { sets.append(.services("local_services", nodeLocal, plan.dnsServices)) }
        sets.append(.addresses("addresses", addresses))
        if keepsFlows {
            sets.append(NamedSet(name: "kept_flows", fields: Self.flow, timeout: Self.flowTimeout))
        }

        var chains = nodeLocal.isEmpty ? [] : [rewrite]
        chains += keepsFlows ? [stay, keep(.prerouting)] : []
        chains.append(keep(.output, flows: keepsFlows))
        chains.append(fallBack(.prerouting, without: missing))
        chains.append(fallBack(.output, without: missing))
        if !nodeLocal.isEmpty { chains += [restore(.input), restore(.postrouting)] }
        if !missing.contains(.masquerade) { chains.append(masquerade) }
        return RuleSet(family: family, name: Self.name, sets: sets, chains: chains)
    }

    private static let flow: [Field] = [.sourceAddress, .sourcePort, .destinationAddress]
    private let toUs = Statement.isMember(NamedSet.destination, ofSet: "services")

    /// To the upstream Service, in a zone by which the answers will be known.
    private var rewrite: Chain {
        Chain(
            name: "rewrite",
            base: nil,
            rules: zones.compactMap { address, zone in
                guard let upstream else { return nil }
                return Rule(statements: [
                    .isEqual(.destinationAddress, .address(address)),
                    .setZone(zone, originalDirectionOnly: true), .setAddress(.destinationAddress, upstream),
                ])
            }
        )
    }

    private var zones: [(address: IPAddress, zone: UInt16)] {
        nodeLocal.enumerated().map { ($1, zone &+ UInt16($0)) }
    }

    private var toRewrite: [Rule] {
        guard !nodeLocal.isEmpty else { return [] }
        return [
            Rule(statements: [.isMember(NamedSet.destination, ofSet: "local_services"), .go(to: "rewrite")])
        ]
    }

    /// A flow that began in fall-back goes on there. Setting a zone, even 0, gives the packet a conntrack
    /// template, and that makes a later NOTRACK do nothing.
    private var stay: Chain {
        Chain(
            name: "stay",
            base: nil,
            rules: [Rule(statements: [.remember(Self.flow, inSet: "kept_flows")])] + toRewrite
                + [Rule(statements: [.setZone(0, originalDirectionOnly: false)])]
        )
    }

    /// Ahead of the agent's table: what is in the middle of a conversation with cluster DNS is not ours,
    /// and what our sockets say makes no conntrack entry that would swallow later answers from elsewhere.
    private func keep(_ hook: Chain.Hook, flows: Bool = true) -> Chain {
        var rules: [Rule] = []
        if hook == .output {
            rules += [
                Rule(statements: [
                    .isMember(NamedSet.source, ofSet: "services"), .notrack, .returnToCaller,
                ]),
                // An agent must be able to ask itself before traffic is sent to it.
                Rule(statements: [.hasMark(NetworkPlan.probeMark), toUs, .notrack, .returnToCaller]),
            ]
        }
        if flows {
            rules += [
                Rule(statements: [
                    .notOpeningTCP, toUs, .isMember(Self.flow, ofSet: "kept_flows"), .go(to: "stay"),
                ]),
                // The port is used again: where the new connection goes is decided anew.
                Rule(statements: [.openingTCP, toUs, .forget(Self.flow, inSet: "kept_flows")]),
            ]
        }
        return Chain(name: "keep_\(hook)", base: .init(hook: hook, priority: -310), rules: rules)
    }

    /// Behind the agent's table: what is tracked by now has no agent.
    private func fallBack(_ hook: Chain.Hook, without missing: Set<KernelFeature>) -> Chain {
        let keepsFlows = !missing.contains(.flowMemory)
        var rules = [Rule(statements: [.isUntracked, .returnToCaller])]
        switch hook {
        case .output where keepsFlows:
            // What the host is in the middle of, and did not begin in fall-back, it began with an agent. The
            // flows of `stay` are not meant: they go elsewhere by now, or notrack does nothing to them.
            rules.append(Rule(statements: [.notOpeningTCP, toUs, .notrack, .returnToCaller]))
        case .prerouting where keepsFlows && !missing.contains(.socketMatch):
            // A dead agent's connections are closed by the kernel that held them. A listening socket matches
            // as well: flows of `stay` must have been sent on before.
            rules.append(Rule(statements: [.notOpeningTCP, toUs, .hasOwnSocket, .notrack, .returnToCaller]))
        default: break
        }
        if keepsFlows {
            rules.append(Rule(statements: [.openingTCP, toUs, .remember(Self.flow, inSet: "kept_flows")]))
        }
        return Chain(
            name: "fall_back_\(hook)",
            // Type filter even at output: a route to the Service's address is not needed, kube-proxy's
            // translation makes the kernel choose the route again.
            base: .init(hook: hook, priority: -290),
            rules: rules + toRewrite
        )
    }

    private func restore(_ hook: Chain.Hook) -> Chain {
        Chain(
            name: "restore_\(hook)",
            base: .init(hook: hook, priority: 110),
            rules: zones.compactMap { address, zone in
                guard let upstream else { return nil }
                return Rule(statements: [
                    .isOriginalZone(zone), .isReply, .isEqual(.sourceAddress, .address(upstream)),
                    .setAddress(.sourceAddress, address),
                ])
            }
        )
    }

    /// A look-up of the host itself has our address as its source, which on the way back would be another
    /// node's; kube-proxy masquerades it only where it knows the cluster's range.
    private var masquerade: Chain {
        let fromUs = Statement.isMember([.sourceAddress], ofSet: "addresses")
        var rules = [Rule(statements: [fromUs, .isDestinationTranslated, .masquerade])]
        if isBehindIPVS {
            rules += zones.map { Rule(statements: [.isOriginalZone($1), fromUs, .masquerade]) }
        }
        return Chain(
            name: "masquerade_host",
            base: .init(kind: .nat, hook: .postrouting, priority: 99),
            rules: rules
        )
    }
}
