// Which kube-proxy, if any, translates Services on this node: seen in the kernel, not asked of anybody.

import Addresses
import CNetlink
import Glibc
import Kernel

/// How Services are translated on this node.
package enum ServiceProxy: String, Sendable, CaseIterable {
    case iptablesLegacy = "iptables-legacy"
    case iptablesNft = "iptables-nft"
    case nftables
    case ipvs
    /// No kube-proxy has been here (yet); another program may translate, such as Cilium.
    case none
    /// The kernel did not let us look.
    case unknown

    /// Looks in the network namespace of the calling thread.
    ///
    /// kube-proxy cleans up after its own earlier modes, but in IPVS mode it has iptables chains as well, and
    /// an interface `kube-ipvs0` may be left over: so what can only be there in one mode is asked for first.
    package static func detect(opener: any NetlinkOpener = LibmnlOpener()) -> ServiceProxy {
        do {
            let route = NetlinkConnection(try opener.open(NETLINK_ROUTE, as: .anonymous))
            let filter = NetlinkConnection(try opener.open(NETLINK_NETFILTER, as: .anonymous))
            if hasVirtualServers() { return .ipvs }
            if try filter.tables().contains(where: { $0.name == "kube-proxy" }) { return .nftables }
            if try route.link(named: "kube-ipvs0") != nil { return .ipvs }
            for family in IPAddress.Family.allCases
            where try filter.chainExists("KUBE-SERVICES", inTable: "nat", family: family) {
                return .iptablesNft
            }
            for table in LegacyTable.allInUse() where table.name == "nat" {
                if try table.occurrences(of: "KUBE-SERVICES\0") > 0 { return .iptablesLegacy }
            }
            return .none
        } catch {
            return .unknown
        }
    }

    /// Whether IPVS has anything to translate: /proc/net/ip_vs without its three lines of headings.
    private static func hasVirtualServers() -> Bool {
        guard let bytes = try? Files.read("/proc/thread-self/net/ip_vs") else { return false }
        return bytes.count { $0 == UInt8(ascii: "\n") } > 3
    }
}
