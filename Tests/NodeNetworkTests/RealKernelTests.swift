// The module against the running kernel, each test in a network namespace of its own, looked at with nft
// and ip. Where the kernel has no dummy links a bridge of that name stands in; the dummy link itself, and
// SIGKILL of a whole process, belong to the system tests in a booted kernel.

import Addresses
import Glibc
import NodeNetwork
import Testing

@Suite("Real kernel", .enabled(if: mayMakeNamespaces, "needs root"))
struct RealKernelTests {
    private let v4 = IPAddress(v4: 0xc000_020a)  // 192.0.2.10
    private let v6 = IPAddress(v6High: 0x2001_0db8_0000_0000, low: 0x10)  // 2001:db8::10
    private let name = "nodelocaldns"

    private func network(_ ownership: TableOwnership = .whereSupported) throws -> NodeNetwork {
        try NodeNetwork(plan: NetworkPlan(addresses: [v4, v6]), ownership: ownership)
    }

    /// What `nft list ruleset` prints, IPv4 first, protocols as numbers (6 is TCP, 17 UDP), without indentation, and with the agent's number replaced.
    private func listedRules() throws -> [String] {
        try shell("nft -p list ruleset ip; nft -p list ruleset ip6").split(separator: "\n").map { line in
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map { word in
                word.hasPrefix("nodelocaldns-") ? "nodelocaldns-ID" : String(word)
            }
            // The kernel's own remark on an owned table names the program that runs.
            return words.prefix { $0 != "#" }.joined(separator: " ")
        }
    }

    private func expectedRules(family: String, address: String, owner: Bool = true) -> [String] {
        let comment = #"comment "NodeLocal DNS Cache: skip conntrack""#
        let toUs = "\(family) daddr . meta l4proto . th dport @services"
        // What may outlive us asks for a socket of ours.
        let gated = [
            "tcp flags ! syn \(family) daddr . meta l4proto . tcp dport @services notrack accept \(comment)",
            "\(toUs) socket wildcard 0 notrack accept \(comment)",
        ]
        return ["table \(family) nodelocaldns-ID {"] + (owner ? ["flags owner"] : []) + [
            "set services {",
            "type \(family == "ip" ? "ipv4" : "ipv6")_addr . inet_proto . inet_service",
            "elements = { \(address) . 6 . 53,",
            "\(address) . 17 . 53,",
            "\(address) . 6 . 8080 }",
            "}",
            "chain prerouting {",
            "type filter hook prerouting priority raw; policy accept;",
        ] + (owner ? ["\(toUs) notrack accept \(comment)"] : gated) + [
            "}",
            "chain output {",
            "type filter hook output priority raw; policy accept;",
            "meta mark 0x00000036 return",
            "\(family) daddr . meta l4proto . th dport @services notrack accept \(comment)",
            "\(family) saddr . meta l4proto . th sport @services notrack accept \(comment)",
            "}",
            "}",
        ]
    }

    private func expectedRules(owner: Bool = true) -> [String] {
        expectedRules(family: "ip", address: "192.0.2.10", owner: owner)
            + expectedRules(family: "ip6", address: "2001:db8::10", owner: owner)
    }

    /// Whether the kernel takes packets to the IPv6 address for its own. A kernel thread makes the route
    /// after the address was acknowledged, and tells nobody when: so it is asked again and again.
    private func becomesLocal() throws -> Bool {
        for _ in 0..<500 {
            if try shell("ip -6 route show table local").contains("local 2001:db8::10 ") { return true }
        }
        return false
    }

    // MARK: Tables

    @Test("the tables read as intended, and are gone when withdrawn")
    func tables() throws {
        try inNewNetworkNamespace {
            let network = try network()
            #expect(network.commitInterception().failures == [])
            #expect(network.isIntercepting)
            #expect(try listedRules() == expectedRules())
            #expect(network.reconcile().isEmpty)
            #expect(network.withdrawInterception().failures == [])
            #expect(try listedRules() == [])
        }
    }

    @Test("who stops takes nothing new, and says so to other agents until the end")
    func finishing() throws {
        try inNewNetworkNamespace {
            let network = try network()
            #expect(network.commitInterception().failures == [])
            let report = network.finishInterception()
            #expect(report.failures == [] && report.changes.count == 2)
            #expect(!network.isIntercepting)
            let rules = try listedRules().filter { $0.contains("daddr") }
            #expect(rules.count == 4 && rules.allSatisfy { $0.contains("flags") }, "\(rules)")
            #expect(network.reconcile().isEmpty)
            let other = try self.network()
            #expect(other.isServedByAnother)
            #expect(network.tearDown().failures == [])
            #expect(try listedRules() == [] && !other.isServedByAnother)
        }
    }

    @Test("nobody else can change an owned table, and the kernel deletes it with its owner")
    func ownership() throws {
        try inNewNetworkNamespace {
            do {
                let network = try network()
                #expect(network.commitInterception().failures == [])
                try shell("nft flush ruleset")
                #expect(try listedRules() == expectedRules())
                withExtendedLifetime(network) {}
            }
            #expect(try listedRules() == [])
        }
    }

    @Test("a plain table wakes us when it is flushed or changed, and is put back as it was")
    func plainTable() throws {
        try inNewNetworkNamespace {
            let network = try network(.never)
            #expect(network.commitInterception().failures == [])
            #expect(try listedRules() == expectedRules(owner: false))
            #expect(!network.drainEvents())

            let damages = [
                "nft flush ruleset",
                "nft add rule ip $(nft list tables ip | cut -d' ' -f3) output counter",
                "nft flush chain ip6 $(nft list tables ip6 | cut -d' ' -f3) output",
                "nft delete element ip $(nft list tables ip | cut -d' ' -f3) services { 192.0.2.10 . tcp . 53 }",
            ]
            for damage in damages {
                try shell(damage)
                #expect(network.drainEvents(), "\(damage)")
                let report = network.reconcile()
                #expect(report.failures == [] && !report.changes.isEmpty, "\(damage)")
                #expect(try listedRules() == expectedRules(owner: false), "\(damage)")
                #expect(!network.drainEvents(), "\(damage)")
                #expect(network.reconcile().isEmpty, "\(damage)")
            }
            #expect(network.tearDown().failures == [])
            #expect(try listedRules() == [])
        }
    }

    @Test("a plain table of a dead agent is replaced by ours: one of everything")
    func staleTable() throws {
        try inNewNetworkNamespace {
            // What SIGKILL leaves on a kernel without owners: the socket closed, the table there.
            _ = try network(.never).commitInterception()
            #expect(try listedRules() == expectedRules(owner: false))
            let network = try network()
            let changes = network.commitInterception().changes
            #expect(changes.filter { if case .removedStaleTable = $0 { true } else { false } }.count == 2)
            #expect(try listedRules() == expectedRules())
        }
    }

    @Test("two agents live side by side, with and without owners; the last takes the link away")
    func sideBySide() throws {
        for ownership in [TableOwnership.whereSupported, .never] {
            try inNewNetworkNamespace {
                try shell("ip link add nodelocaldns type bridge")
                let old = try network(ownership)
                _ = old.setUpLink()
                #expect(old.commitInterception().failures == [])
                let new = try network(ownership)
                #expect(new.setUpLink().changes == [.adoptedInterface(name)])
                #expect(new.commitInterception().failures == [])
                #expect(try listedRules().filter { $0.hasPrefix("table") }.count == 4)

                #expect(old.tearDown().changes.last == .leftInterface(name))
                #expect(try listedRules().filter { $0.hasPrefix("table") }.count == 2)
                #expect(new.isIntercepting && new.reconcile().isEmpty)
                let removed = new.tearDown().changes
                #expect(removed.contains(.removedAddress(v4, interface: name)))
            }
        }
    }

    // MARK: Link and addresses

    @Test("addresses arrive on a link of our name, are put back after an event, and leave")
    func link() throws {
        try inNewNetworkNamespace {
            try shell("ip link add nodelocaldns type bridge")
            let network = try network()
            #expect(
                network.setUpLink().changes == [
                    .adoptedInterface(name), .broughtUp(interface: name),
                    .addedAddress(v4, interface: name), .addedAddress(v6, interface: name),
                ]
            )
            let listed = try shell("ip -o addr show dev nodelocaldns")
            #expect(listed.contains("inet 192.0.2.10/32 scope global nodelocaldns"))
            #expect(listed.contains("inet6 2001:db8::10/128 scope global nodad"))
            #expect(!listed.contains("fe80:"))
            #expect(try becomesLocal())
            _ = network.drainEvents()  // our own: IPv6 addresses carry no port id
            #expect(network.reconcile().isEmpty)
            #expect(!network.drainEvents())

            try shell("ip addr del 192.0.2.10/32 dev nodelocaldns")
            #expect(network.drainEvents())
            #expect(network.reconcile().changes == [.addedAddress(v4, interface: name)])
            #expect(!network.drainEvents())

            try shell("ip link set nodelocaldns down")
            #expect(network.drainEvents())
            #expect(network.reconcile().failures == [])
            #expect(try becomesLocal())

            #expect(network.tearDown().failures == [])
            #expect(try shell("ip -o addr show dev nodelocaldns") == "")
        }
    }

    @Test("the plan's link is made and removed; where there are no dummy links, lo serves")
    func dummyOrLoopback() throws {
        try inNewNetworkNamespace {
            let before = try shell("ip -o addr")
            let network = try network()
            let report = network.setUpLink()
            #expect(report.failures == [])
            #expect(try shell("ip -o addr").contains("192.0.2.10/32"))
            #expect(try !shell("ip -o addr").contains("fe80:"))
            #expect(try becomesLocal())
            // Left behind by SIGKILL, found and removed by the next process.
            let next = try self.network()
            #expect(
                next.setUpLink().changes.filter { if case .addedAddress = $0 { true } else { false } } == []
            )
            #expect(next.tearDown().failures == [])
            #expect(try shell("ip -o addr") == before)
            #expect(try shell("ip -o link | wc -l") == "1\n")
        }
    }

    // MARK: Sockets

    private static var openDescriptors: [CInt] { (0..<20_000).filter { fcntl($0, F_GETFD) >= 0 } }

    @Test("no child keeps the table alive, and nobody but its own thread has the owner")
    func descriptors() throws {
        try inNewNetworkNamespace {
            var network: NodeNetwork? = try network()
            let before = Self.openDescriptors
            #expect(network?.commitInterception().failures == [])
            #expect(Self.openDescriptors == before)
            for descriptor in network?.descriptors ?? [] {
                #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
                #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0)
            }

            // The child lives until its input ends.
            let child = try #require(popen("cat", "we"))
            network = nil
            #expect(try listedRules() == [])
            #expect(pclose(child) == 0)
        }
    }
}
