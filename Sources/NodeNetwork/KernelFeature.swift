// What our tables use that not every kernel has. Nothing is looked up: a table is committed, and what the
// kernel refuses is left out, told once, and not tried again.

import Glibc

/// Something of nf_tables that we can do without, at a price.
package enum KernelFeature: String, Hashable, Sendable, CaseIterable {
    /// A table that outlives its owner, and that nobody else can change meanwhile (Linux 6.9).
    case persistentOwner = "owner"
    /// A comment that stays with a table (Linux 5.10).
    case tableComment = "comment"
    /// Whether a socket waits for the packet (expression `socket`, key `wildcard`, Linux 5.10).
    case socketMatch = "socket"
    /// Sets that packets change (expression `dynset`; deletion since Linux 5.4).
    case flowMemory = "flows"
    /// Source translation beside iptables' (Linux 4.18).
    case masquerade

    /// What an operator loses.
    package var consequence: String {
        switch self {
        case .persistentOwner: "whoever flushes all tables removes it until we have put it back"
        case .tableComment: "it is made anew at every start, which ends TCP look-ups in fall-back"
        case .socketMatch: "TCP look-ups of an agent that died are reset, not closed"
        case .flowMemory: "TCP look-ups are reset when the agent goes or returns; no dead-man's switch"
        case .masquerade: "look-ups of the host itself rely on kube-proxy knowing the cluster's addresses"
        }
    }
}

extension RuleSet {
    /// What can be left out when the kernel refused a part of the table; nil when we need that part, or when
    /// the refusal means something else.
    func feature(refusedIn error: NodeNetworkError) -> KernelFeature? {
        // Unknown expression, key, flag or chain type; a hook that iptables' nat has taken.
        guard [ENOENT, EOPNOTSUPP, EINVAL, EBUSY].contains(error.reason.code) else { return nil }
        for set in sets where error.object == object(of: set) && set.timeout != nil { return .flowMemory }
        for chain in chains {
            if error.object == object(of: chain) { return chain.base?.kind == .nat ? .masquerade : nil }
            for rule in chain.rules where error.object == object(of: rule, in: chain) {
                return rule.statements.lazy.compactMap(\.feature).first
            }
        }
        return nil
    }

    func object(of set: NamedSet) -> NodeNetworkError.Object { .set("\(title) \(set.name)") }

    func object(of chain: Chain) -> NodeNetworkError.Object { .chain("\(title) \(chain.name)") }

    func object(of rule: Rule, in chain: Chain) -> NodeNetworkError.Object {
        .rule("\(title) \(chain.name) \(rule.text(family))")
    }
}

extension Statement {
    fileprivate var feature: KernelFeature? {
        switch self {
        case .hasOwnSocket: .socketMatch
        case .remember, .forget: .flowMemory
        case .masquerade: .masquerade
        default: nil
        }
    }
}
