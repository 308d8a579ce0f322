import Addresses
import Glibc
import NodeNetwork
import Testing

@Suite("Errors")
struct NodeNetworkErrorTests {
    /// A refusal of the kernel, and what the operator reads and which counter rises.
    struct Case: Sendable, CustomTestStringConvertible {
        let message: UInt16
        let errno: CInt
        let text: String
        let counter: NodeNetworkError.ErrorType

        var testDescription: String { text }
    }

    private static let table = "nodelocaldns-6b0f3a51"

    private static let cases = [
        Case(
            message: 16,  // RTM_NEWLINK
            errno: EPERM,
            text:
                "cannot add interface nodelocaldns: Operation not permitted: needs the capability NET_ADMIN",
            counter: .interfaceAdd
        ),
        Case(
            message: 18,  // RTM_GETLINK
            errno: EINVAL,
            text: "cannot read interface nodelocaldns: Invalid argument: is the name at most 15 bytes, "
                + "without blank and slash?",
            counter: .interfaceCheck
        ),
        Case(
            message: 20,  // RTM_NEWADDR
            errno: EACCES,
            text: "cannot add 2001:db8::10/128 on interface nodelocaldns: Permission denied: "
                + "IPv6 is switched off there: see sysctl net.ipv6.conf.nodelocaldns.disable_ipv6",
            counter: .interfaceAdd
        ),
        Case(
            message: 22,  // RTM_GETADDR
            errno: ENOMEM,
            text: "cannot read the interfaces' addresses: Cannot allocate memory",
            counter: .interfaceCheck
        ),
        Case(
            message: 0x10,  // NFNL_MSG_BATCH_BEGIN
            errno: EOPNOTSUPP,
            text: "cannot change nftables rules: Operation not supported: nf_tables is missing: "
                + "load the kernel module nf_tables or use -setupiptables=false",
            counter: .iptables
        ),
        Case(
            message: 0xa01,  // NFT_MSG_GETTABLE
            errno: EINVAL,
            text: "cannot read the list of nftables tables: Invalid argument: nf_tables is missing: "
                + "load the kernel module nf_tables or use -setupiptables=false",
            counter: .iptables
        ),
        Case(
            message: 0xa01,  // NFT_MSG_GETTABLE
            errno: EPERM,
            text: "cannot read the list of nftables tables: Operation not permitted: "
                + "needs the capability NET_ADMIN",
            counter: .iptables
        ),
        Case(
            message: 0xa00,  // NFT_MSG_NEWTABLE
            errno: EOPNOTSUPP,
            text: "cannot add table ip6 \(table): Operation not supported: "
                + "the kernel's nf_tables does not know this address family",
            counter: .iptables
        ),
        Case(
            message: 0xa09,  // NFT_MSG_NEWSET
            errno: ENOSPC,
            text: "cannot add set ip6 \(table) services: No space left on device",
            counter: .iptables
        ),
        Case(
            message: 0xa03,  // NFT_MSG_NEWCHAIN
            errno: ENOENT,
            text: "cannot add chain ip6 \(table) prerouting: No such file or directory",
            counter: .iptables
        ),
        Case(
            message: 0xa06,  // NFT_MSG_NEWRULE
            errno: ENOENT,
            text: "cannot add rule {ip6 \(table) prerouting ip6 daddr . meta l4proto . th dport @services "
                + "notrack accept comment \"NodeLocal DNS Cache: skip conntrack\"}: No such file or directory: "
                + "the kernel module nft_ct is missing: load it or use -setupiptables=false",
            counter: .iptables
        ),
    ]

    @Test("name the object, the reason and the way out", arguments: cases)
    func wording(of example: Case) throws {
        let kernel = FakeKernel()
        kernel.refusals[example.message] = example.errno
        let plan = NetworkPlan(addresses: [IPAddress(v6High: 0x2001_0db8_0000_0000, low: 0x10)])
        let network = try NodeNetwork(plan: plan, opener: kernel)
        let isAboutRules = example.counter == .iptables
        let report = isAboutRules ? network.commitInterception() : network.setUpLink()
        #expect(report.failures.map(\.description) == [example.text])
        #expect(report.failures.map(\.errorType) == [example.counter])
    }

    @Test("the counters' names are node-cache's")
    func counters() {
        let names = NodeNetworkError.ErrorType.allCases.map(\.rawValue)
        #expect(names == ["iptables", "iptables_lock", "interface_add", "interface_check"])
    }
}
