// The fall-back against the running kernel: what nft reads in it, that it outlives us, who may change it.

import Addresses
import Glibc
import NodeNetwork
import Testing

@Suite("Fall-back in the real kernel", .enabled(if: mayMakeNamespaces, "needs root"))
struct FallbackKernelTests {
    private let plan: NetworkPlan
    private let title = "ip nodelocaldns-fallback"
    private let titles = ["ip nodelocaldns-fallback", "ip6 nodelocaldns-fallback"]

    init() throws {
        plan = try Self.plan(upstream: "10.96.134.149")
    }

    private static func plan(upstream: String) throws -> NetworkPlan {
        let local = try addresses("169.254.20.10", "2001:db8::a")
        let cluster = try addresses("10.96.0.10", "2001:db8:96::a")
        let fallback = FallbackPlan(
            upstream: try addresses(upstream, "2001:db8:96::149"),
            nodeLocalAddresses: local
        )
        return NetworkPlan(
            addresses: local + cluster,
            fallback: fallback,
            gatesOnSockets: true,
            deadMan: DeadManPlan(heartbeatPort: 32812, timeout: .seconds(2))
        )
    }

    private func network(_ ownership: TableOwnership = .whereSupported) throws -> NodeNetwork {
        try NodeNetwork(plan: plan, ownership: ownership)
    }

    /// A table as nft prints it, without what depends on the process, the version and the state of nft.
    private func listed(_ table: String) throws -> [String] {
        let lines = try shell("nft -p list table \(table)").split(separator: "\n").map(words)
        return lines.dropFirst().filter { line in
            !["flags", "flags owner", "flags persist", "flags owner,persist"].contains(line)
                && !line.hasPrefix("comment") && !line.isEmpty
        }
    }

    private func comment() throws -> String {
        try shell("nft list table \(title) | grep -o 'comment.*'")
    }

    private func words(_ line: some StringProtocol) -> String {
        line.split { " \t".contains($0) }.joined(separator: " ")
    }

    private func expected(_ text: String) -> [String] {
        text.split(separator: "\n").map(words)
    }

    // MARK: Contents

    @Test("reads as the design says, in both families")
    func reads() throws {
        try inNewNetworkNamespace {
            let network = try network()
            let changes = network.installFallback().changes.filter { $0.severity == .info }
            #expect(changes == titles.map { .installedFallback($0) })
            #expect(network.isFallbackInstalled(.v4) && network.isFallbackInstalled(.v6))
            let ipv4 = FallbackText.fallback(
                "ip",
                local: "169.254.20.10",
                cluster: "10.96.0.10",
                upstream: "10.96.134.149"
            )
            #expect(try listed(titles[0]) == expected(ipv4))
            let ipv6 = FallbackText.fallback(
                "ip6",
                local: "2001:db8::a",
                cluster: "2001:db8:96::a",
                upstream: "2001:db8:96::149"
            )
            #expect(try listed(titles[1]) == expected(ipv6))
            #expect(try comment().hasPrefix(#"comment "node-local DNS fall-back 1 "#))
        }
    }

    @Test("the agent's own table has the gate and the dead-man's set the plan asks for")
    func ownTable() throws {
        try inNewNetworkNamespace {
            let network = try network()
            #expect(network.commitInterception().failures == [])
            let name = try shell("nft list tables ip | cut -d' ' -f3 | tr -d '\\n'")
            #expect(try listed("ip \(name)") == expected(FallbackText.gatedAndGuarded))
        }
    }

    // MARK: Life

    @Test(
        "outlives its agent, is adopted by the next, and spared by others' flush while one lives",
        .enabled(if: knowsPersistentOwners, "needs Linux 6.9")
    )
    func outlives() throws {
        try inNewNetworkNamespace {
            var network: NodeNetwork? = try network()
            #expect(network?.installFallback().failures == [])
            try shell("nft flush ruleset")
            #expect(network?.reconcile().isEmpty == true)
            let before = try listed(title)
            network = nil
            #expect(try listed(title) == before)

            let next = try self.network()
            #expect(next.installFallback().changes == titles.map { .adoptedFallback($0) })
            #expect(next.installFallback().isEmpty)
            try shell("nft flush ruleset")
            #expect(try listed(title) == before)
            #expect(!next.drainEvents())
        }
    }

    @Test(
        "a second agent uses what the first one holds, and protects it afterwards",
        .enabled(if: knowsPersistentOwners, "needs Linux 6.9")
    )
    func sideBySide() throws {
        try inNewNetworkNamespace {
            var old: NodeNetwork? = try network()
            #expect(old?.installFallback().failures == [])
            let new = try network()
            #expect(new.installFallback().changes == titles.map { .adoptedFallback($0) })
            #expect(new.awaitsFallback && old?.awaitsFallback == false)
            withExtendedLifetime(old) {}
            old = nil
            #expect(new.reconcile().isEmpty)
            #expect(!new.awaitsFallback)
            try shell("nft flush ruleset")
            #expect(new.reconcile().isEmpty)
        }
    }

    @Test(
        "another version waits until the agent that holds the old one is gone",
        .enabled(if: knowsPersistentOwners, "needs Linux 6.9")
    )
    func otherVersion() throws {
        try inNewNetworkNamespace {
            var old: NodeNetwork? = try network()
            #expect(old?.installFallback().failures == [])
            let before = try comment()
            let new = try NodeNetwork(plan: Self.plan(upstream: "10.96.134.150"))
            // The IPv6 half is the same in both versions.
            #expect(new.installFallback().changes == [.leftFallback(titles[0]), .adoptedFallback(titles[1])])
            #expect(!new.isFallbackInstalled(.v4) && new.isFallbackInstalled(.v6) && new.awaitsFallback)
            #expect(new.reconcile().isEmpty)
            #expect(try comment() == before)
            withExtendedLifetime(old) {}
            old = nil
            #expect(new.reconcile().changes == [.installedFallback(title)])
            #expect(try comment() != before && !new.awaitsFallback)
        }
    }

    @Test("a plain table is put back when somebody flushed or changed it")
    func plainTable() throws {
        try inNewNetworkNamespace {
            let network = try network(.never)
            #expect(network.installFallback().failures == [])
            let before = try listed(title)
            #expect(!network.drainEvents())
            for damage in [
                "nft flush ruleset", "nft flush chain \(title) rewrite",
                "nft delete element \(title) local_services { 169.254.20.10 . tcp . 53 }",
            ] {
                try shell(damage)
                #expect(network.drainEvents(), "\(damage)")
                #expect(network.reconcile().changes.contains(.installedFallback(title)), "\(damage)")
                #expect(try listed(title) == before, "\(damage)")
                #expect(!network.drainEvents() && network.reconcile().isEmpty, "\(damage)")
            }
        }
    }

    @Test("a table that was damaged while no agent lived is made anew")
    func damagedOrphan() throws {
        try inNewNetworkNamespace {
            _ = try network().installFallback()
            let before = try listed(title)
            try shell("nft flush chain \(title) restore_input")
            let changes = try network().installFallback().changes.filter { $0.severity == .info }
            #expect(changes == [.installedFallback(titles[0]), .adoptedFallback(titles[1])])
            #expect(try listed(title) == before)
        }
    }

    @Test("of two agents with plain tables the older gives way to the newer")
    func plainSideBySide() throws {
        try inNewNetworkNamespace {
            let old = try network(.never)
            #expect(old.installFallback().failures == [])
            let new = try NodeNetwork(plan: Self.plan(upstream: "10.96.134.150"), ownership: .never)
            #expect(new.installFallback().changes.first == .installedFallback(title))
            #expect(old.drainEvents())
            #expect(old.reconcile().changes == [.leftFallback(title)])
            #expect(!new.drainEvents() && new.reconcile().isEmpty)
        }
    }

    // MARK: Cleaning up

    @Test("cleaning up leaves nothing of any agent")
    func cleansUp() throws {
        try inNewNetworkNamespace {
            let before = try shell("ip -o addr; ip -o link | wc -l")
            for ownership in [TableOwnership.whereSupported, .never] {
                // Killed: nobody withdrew anything.
                let killed = try network(ownership)
                _ = killed.setUpLink()
                _ = killed.installFallback()
                _ = killed.commitInterception()
            }
            // A process that knows nothing of the addresses, as a command line would.
            let network = try NodeNetwork(plan: NetworkPlan(addresses: []))
            #expect(network.cleanUp().failures == [])
            #expect(try shell("nft list ruleset") == "")
            #expect(try shell("ip -o addr; ip -o link | wc -l") == before)
            #expect(network.cleanUp().isEmpty)
        }
    }

    @Test(
        "cleaning up beside a living agent says what could not be removed, and leaves the link",
        .enabled(if: knowsPersistentOwners, "needs Linux 6.9")
    )
    func cleansUpBesideTheLiving() throws {
        try inNewNetworkNamespace {
            let living = try network()
            _ = living.installFallback()
            _ = living.commitInterception()
            let report = try NodeNetwork(plan: plan).cleanUp()
            #expect(report.changes == [.leftInterface("nodelocaldns")])
            #expect(report.failures.count == 4 && report.failures.allSatisfy { $0.reason.code == EPERM })
            #expect(living.reconcile().isEmpty)
            #expect(living.cleanUp().failures == [])
            #expect(try shell("nft list ruleset") == "")
        }
    }
}

/// Addresses, or an issue.
func addresses(_ texts: String...) throws -> [IPAddress] {
    try texts.map { try #require(IPAddress($0)) }
}
