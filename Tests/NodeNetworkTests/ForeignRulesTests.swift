// What others have left on the node, found in the running kernel with their own tools: iptables in both
// kinds, nft, ip.

import Addresses
import NodeNetwork
import Testing

@Suite("What others left", .enabled(if: mayMakeNamespaces, "needs root"))
struct ForeignRulesTests {
    private let rule = "-d 169.254.20.10 -p udp --dport 53 -m comment --comment"
    private let skip = "NodeLocal DNS Cache: skip conntrack"
    private let allow = "NodeLocal DNS Cache: allow DNS traffic"

    private func network() throws -> NodeNetwork {
        try NodeNetwork(plan: NetworkPlan(addresses: []))
    }

    @Test("node-cache's rules in nftables and iptables-nft are deleted, others' stay")
    func deletes() throws {
        try inNewNetworkNamespace {
            try shell("iptables-nft -t raw -I PREROUTING \(rule) '\(skip)' -j NOTRACK")
            try shell("iptables-nft -I INPUT \(rule) '\(allow)' -j ACCEPT")
            try shell("iptables-nft -A INPUT -p tcp -m comment --comment other -j ACCEPT")
            try shell("nft add table ip6 raw")
            try shell("nft add chain ip6 raw OUTPUT")
            try shell("nft add rule ip6 raw OUTPUT notrack comment '\"\(skip)\"'")

            let report = try network().removeForeignRules()
            #expect(report.failures == [])
            #expect(
                report.changes.map(\.description) == [
                    "Removed a rule of node-cache - {ip raw PREROUTING [\(skip)]}",
                    "Removed a rule of node-cache - {ip filter INPUT [\(allow)]}",
                    "Removed a rule of node-cache - {ip6 raw OUTPUT [\(skip)]}",
                ]
            )
            #expect(try shell("iptables-nft -t raw -S") == "-P PREROUTING ACCEPT\n-P OUTPUT ACCEPT\n")
            #expect(try shell("iptables-nft -S INPUT").contains("--comment other"))
            #expect(try network().removeForeignRules().isEmpty)
        }
    }

    @Test("node-cache's rules in legacy iptables are found")
    func finds() throws {
        try inNewNetworkNamespace {
            try shell("iptables-legacy -t raw -I PREROUTING \(rule) '\(skip)' -j NOTRACK")
            try shell("iptables-legacy -t raw -I OUTPUT \(rule) '\(skip)' -j NOTRACK")
            let report = try network().removeForeignRules()
            #expect(report.failures == [])
            #expect(report.changes.map(\.severity) == [.warning])
            #expect(
                report.changes.first?.description.hasPrefix(
                    "2 rules of node-cache are left in iptables-legacy -t raw"
                ) == true
            )
        }
    }

    @Test(
        "kube-proxy is known by what it keeps in the kernel",
        arguments: [
            (ServiceProxy.none, "true"),
            (.nftables, "nft add table ip kube-proxy"),
            (.nftables, "nft add table ip6 kube-proxy"),
            (.iptablesNft, "iptables-nft -t nat -N KUBE-SERVICES"),
            (.iptablesNft, "ip6tables-nft -t nat -N KUBE-SERVICES"),
            (.iptablesLegacy, "iptables-legacy -t nat -N KUBE-SERVICES"),
            (.none, "iptables-legacy -t nat -N KUBE-SERVICES-OF-ANOTHER"),
            (.ipvs, "ip link add kube-ipvs0 type bridge && iptables-nft -t nat -N KUBE-SERVICES"),
        ]
    )
    func detects(proxy: ServiceProxy, set: String) throws {
        try inNewNetworkNamespace {
            try shell(set)
            #expect(ServiceProxy.detect() == proxy)
        }
    }

    @Test("where nobody may look, nothing is claimed")
    func unknown() {
        let kernel = FakeKernel()
        kernel.refusals[0xa01] = 1  // NFT_MSG_GETTABLE: EPERM
        #expect(ServiceProxy.detect(opener: kernel) == .unknown)
    }
}
