// What the flags, the environment and the kernel's view of Services mean for the node's network.

package import Addresses
package import NodeNetwork
import Timing

extension NetworkPlan {
    /// The plan of one agent; `upstream` are the ClusterIPs of the upstream Service, none if not known.
    ///
    /// Without an upstream there is nothing to fall back to: the node-local address is then as dead as we are,
    /// and a ClusterIP is kube-proxy's without any help. Behind IPVS a ClusterIP is on kube-proxy's own link,
    /// where every packet to it is translated before a socket sees it: such addresses are left alone.
    /// `heartbeatPort`: where signs of life come from, if the options ask for them.
    package init(
        _ options: SupervisorOptions,
        upstream: [IPAddress],
        serviceProxy: ServiceProxy,
        heartbeatPort: UInt16? = nil
    ) {
        let isBehindIPVS = serviceProxy == .ipvs
        let nodeLocal = options.localAddresses.filter { $0.isNodeLocal && !upstream.contains($0) }
        let addresses = isBehindIPVS && !nodeLocal.isEmpty ? nodeLocal : options.localAddresses
        self.init(
            interfaceName: options.interfaceName,
            addresses: addresses,
            dnsPort: options.dnsPort,
            healthPort: options.healthPort,
            setsUpInterface: options.setsUpInterface,
            setsUpRules: options.setsUpRules,
            fallback: upstream.isEmpty
                ? nil
                : FallbackPlan(
                    upstream: upstream,
                    nodeLocalAddresses: nodeLocal,
                    isBehindIPVS: isBehindIPVS
                ),
            deadMan: heartbeatPort.map {
                DeadManPlan(
                    heartbeatPort: $0,
                    timeout: .nanoseconds(Int64(clamping: options.deadMan.nanoseconds))
                )
            }
        )
    }
}

extension IPAddress {
    /// Link-local, or unique local (RFC 4193), which clusters use for the node-local IPv6 address. A ClusterIP
    /// may be unique local as well: rewritten to the upstream Service it reaches the same end points.
    fileprivate var isNodeLocal: Bool { isLinkLocal || (family == .v6 && high >> 57 == 0xfc >> 1) }
}
