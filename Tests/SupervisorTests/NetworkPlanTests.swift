// What is ours of the addresses, and where look-ups go without us.

import Addresses
import NodeNetwork
import Supervisor
import Testing

@Suite struct NetworkPlanTests {
    private static func plan(
        _ local: [String],
        upstream: [String],
        _ proxy: ServiceProxy = .iptablesNft
    ) -> NetworkPlan {
        NetworkPlan(
            SupervisorOptions(localAddresses: local.compactMap { IPAddress($0) }),
            upstream: upstream.compactMap { IPAddress($0) },
            serviceProxy: proxy
        )
    }

    @Test(arguments: [
        // -localip; upstream; rewritten to it.
        (["169.254.20.10", "10.96.0.10"], "10.96.134.149", ["169.254.20.10"]),
        (["fd00:20::10", "169.254.20.10"], "10.96.134.149", ["fd00:20::10", "169.254.20.10"]),
        (["fe80::10", "2001:db8::a"], "2001:db8::b", ["fe80::10"]),
        (["10.96.0.10"], "10.96.134.149", []),
        (["127.0.0.1"], "10.96.134.149", []),
        // The upstream Service is one that we serve: it cannot stand in for itself.
        (["fd00:20::10", "fd00:96::a"], "fd00:96::a", ["fd00:20::10"]),
    ])
    func nodeLocalAddressesAreRewritten(local: [String], upstream: String, rewritten: [String]) {
        let plan = Self.plan(local, upstream: [upstream])
        #expect(plan.addresses.map(\.description) == local)
        #expect(plan.fallback?.nodeLocalAddresses.map(\.description) == rewritten)
        #expect(plan.fallback?.upstream.map(\.description) == [upstream])
        #expect(plan.fallback?.isBehindIPVS == false)
    }

    @Test func withoutAnUpstreamThereIsNoFallback() {
        #expect(Self.plan(["169.254.20.10", "10.96.0.10"], upstream: []).fallback == nil)
    }

    @Test func behindIPVSClusterIPsAreLeftAlone() {
        let plan = Self.plan(["169.254.20.10", "10.96.0.10"], upstream: ["10.96.134.149"], .ipvs)
        #expect(plan.addresses.map(\.description) == ["169.254.20.10"])
        #expect(plan.fallback?.isBehindIPVS == true)
    }
}
