// An nftables table as a value one can read: sets, chains, rules, comments. What our two tables hold is
// said in UntrackedTable and FallbackTable; how a value becomes the kernel's expressions is RuleCompiler's
// work; RuleText prints it as nft(8) would. A further kind of statement is a case of `Statement`, a line
// of its text, and a branch in RuleCompiler.

import Addresses

/// A whole table of one family.
struct RuleSet: Hashable, Sendable {
    let family: IPAddress.Family
    let name: String
    /// What nft prints as the table's comment; the kernel keeps it since Linux 5.10.
    var comment: String?
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
    var elements: [[Value]] = []
    /// How long an element stays that a packet added; nil for a set that packets do not change.
    var timeout: Duration?
}

/// A chain that accepts what no rule decides.
struct Chain: Hashable, Sendable {
    let name: String
    /// Where packets enter it; nil for a chain that only other rules go to.
    let base: Base?
    let rules: [Rule]

    /// A place in the kernel's packet path.
    struct Base: Hashable, Sendable {
        var kind = Kind.filter
        let hook: Hook
        /// Lower comes first; `raw` sits at -300, conntrack at -200, nat's un-doing of itself at 100.
        let priority: Int32
    }

    enum Kind: String, Sendable {
        case filter
        case nat
    }

    /// Where in the kernel's packet path a chain is called (enum nf_inet_hooks).
    enum Hook: UInt32, Sendable {
        case prerouting = 0
        case input = 1
        case output = 3
        case postrouting = 4
    }
}

/// One rule: its statements from left to right, and the comment that says whose it is.
struct Rule: Hashable, Sendable {
    let statements: [Statement]
    var comment: String?
}

/// One step of a rule: a condition, which ends the rule where it does not hold, or an action.
enum Statement: Hashable, Sendable {
    /// The fields' values, side by side, are an element of the set.
    case isMember([Field], ofSet: String)
    case isEqual(Field, Value)
    /// TCP, and of the flags named by the mask exactly these are set.
    case tcpFlags(UInt8, of: UInt8)
    /// The packet carries exactly this mark, which its socket gave it (SO_MARK).
    case hasMark(UInt32)
    /// Somebody took the packet out of connection tracking.
    case isUntracked
    /// The packet's flow was begun in this conntrack zone.
    case isOriginalZone(UInt16)
    /// The packet goes from the answering to the asking side of its flow.
    case isReply
    /// The flow's destination was translated, by kube-proxy.
    case isDestinationTranslated
    /// A socket of this host would take the packet, and is bound to exactly its destination address.
    case hasOwnSocket

    /// Puts what is looked up for the packet into a conntrack zone.
    case setZone(UInt16, originalDirectionOnly: Bool)
    /// Rewrites an address of the packet, and its checksums.
    case setAddress(Field, IPAddress)
    /// Adds the fields' values to a set, or makes the element there young again.
    case remember([Field], inSet: String)
    /// Takes the fields' values from a set.
    case forget([Field], inSet: String)
    /// Takes the packet out of connection tracking.
    case notrack
    /// Translates the source to the address of the outgoing interface, from a random port.
    case masquerade

    /// Ends this hook's chain for the packet; other tables still see it.
    case accept
    /// Ends this chain; in a base chain that is what `accept` is.
    case returnToCaller
    /// Goes on in another chain, not to come back.
    case go(to: String)
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
