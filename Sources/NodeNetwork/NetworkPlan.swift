// What the node's network shall look like, as a plain value. How it gets there is NodeNetwork's work.

package import Addresses

/// The desired link, addresses and rules of one agent.
package struct NetworkPlan: Hashable, Sendable {
    /// The link that carries the addresses; at most 15 bytes (the kernel's IFNAMSIZ less its NUL).
    package let interfaceName: String
    /// The addresses we serve, of both families, each once, in the operator's order.
    package let addresses: [IPAddress]
    /// The port on which we answer DNS, over UDP and TCP.
    package let dnsPort: UInt16
    /// The port of `GET /health`, TCP.
    package let healthPort: UInt16
    /// Whether the link and its addresses are ours to make (`-setupinterface`).
    package let setsUpInterface: Bool
    /// Whether DNS traffic of the addresses is ours to take out of conntrack (`-setupiptables`).
    package let setsUpRules: Bool
    /// What the kernel does while no agent lives; nil to leave such traffic to time out.
    package internal(set) var fallback: FallbackPlan?
    /// Whether a packet is only ours while a socket is bound to exactly its address: then the traffic
    /// falls back at once even where a dead agent's rules stay (Linux before 5.12).
    package let gatesOnSockets: Bool
    /// Whether, and how soon, an agent that hangs loses its traffic; costs about 0.5 µs a packet.
    package let deadMan: DeadManPlan?

    /// Repeated addresses count once; the defaults are node-cache's.
    package init(
        interfaceName: String = "nodelocaldns",
        addresses: [IPAddress],
        dnsPort: UInt16 = 53,
        healthPort: UInt16 = 8080,
        setsUpInterface: Bool = true,
        setsUpRules: Bool = true,
        fallback: FallbackPlan? = nil,
        gatesOnSockets: Bool = false,
        deadMan: DeadManPlan? = nil
    ) {
        self.interfaceName = interfaceName
        var unique: [IPAddress] = []
        for address in addresses where !unique.contains(address) { unique.append(address) }
        self.addresses = unique
        self.dnsPort = dnsPort
        self.healthPort = healthPort
        self.setsUpInterface = setsUpInterface
        self.setsUpRules = setsUpRules
        self.fallback = fallback
        self.gatesOnSockets = gatesOnSockets
        self.deadMan = deadMan
    }

    /// Packets of this host with this mark reach our sockets wherever a fall-back is, whether or not traffic is
    /// ours: by it an agent proves itself first. Bits that neither kube-proxy nor a network plugin uses.
    package static let probeMark: UInt32 = 53

    /// Packets of this host with this mark go where they would go without an agent: to a ClusterIP of ours sent,
    /// they reach cluster DNS.
    package static let clusterMark: UInt32 = 54

    /// The families that have an address, IPv4 first.
    package var families: [IPAddress.Family] {
        IPAddress.Family.allCases.filter { family in addresses.contains { $0.family == family } }
    }
}
