// The module against the running kernel, each test in a network namespace of its own. It has no dummy
// links where this runs without the module, so both ways are accepted where they differ; a bridge stands
// in for a link that others made.

import Addresses
import Glibc
import NodeNetwork
import Testing

@Suite("Real kernel", .enabled(if: mayMakeNamespaces, "needs root"))
struct RealKernelTests {
    private let v4 = IPAddress(v4: 0xc000_020a)  // 192.0.2.10
    private let v6 = IPAddress(v6High: 0x2001_0db8_0000_0000, low: 0x10)  // 2001:db8::10

    private func plan(interface: String = "nodelocaldns") -> NetworkPlan {
        NetworkPlan(interfaceName: interface, addresses: [v4, v6])
    }

    @Test("explore")
    func explore() throws {
        try inNewNetworkNamespace {
            let network = try NodeNetwork(plan: plan())
            print(network.setUpLink())
            print(network.commitInterception())
            print(try shell("nft list ruleset"))
            print(try shell("ip addr"))
            print(try shell("ip -6 route show table all"))
            print("events", network.drainEvents())
            print(network.reconcile())
            print("events", network.drainEvents())
            print(network.tearDown())
            print(try shell("nft list ruleset; ip addr"))
        }
    }
}
