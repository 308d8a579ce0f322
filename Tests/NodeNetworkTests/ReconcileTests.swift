// What is done about each difference between plan and kernel, told as scenarios with a fake kernel.

import Addresses
import Glibc
import NodeNetwork
import Testing

@Suite("Reconciling")
struct ReconcileTests {
    private let kernel = FakeKernel()
    private let v4 = IPAddress(v4: 0xc000_020a)  // 192.0.2.10
    private let v6 = IPAddress(v6High: 0x2001_0db8_0000_0000, low: 0x10)  // 2001:db8::10
    private let name = "nodelocaldns"
    private let table = "nodelocaldns-6b0f3a51"

    private func network(
        _ addresses: IPAddress...,
        setsUpInterface: Bool = true,
        setsUpRules: Bool = true
    ) throws -> NodeNetwork {
        let plan = NetworkPlan(
            addresses: addresses,
            setsUpInterface: setsUpInterface,
            setsUpRules: setsUpRules
        )
        return try NodeNetwork(plan: plan, opener: kernel)
    }

    // MARK: Link and addresses

    @Test("an IPv4-only link stays down, as node-cache's")
    func ipv4Only() throws {
        #expect(
            try network(v4).setUpLink().changes == [
                .addedInterface(name), .addedAddress(v4, interface: name),
            ]
        )
        #expect(kernel.links[name]?.isUp == false)
    }

    @Test("a link with an IPv6 address is set up, first of all")
    func ipv6() throws {
        #expect(
            try network(v6).setUpLink().changes == [
                .addedInterface(name), .broughtUp(interface: name), .addedAddress(v6, interface: name),
            ]
        )
    }

    @Test("a second pass finds all well and says nothing")
    func idempotent() throws {
        let network = try network(v4, v6)
        _ = network.setUpLink()
        _ = network.commitInterception()
        let before = (kernel.links.keys, kernel.tables)
        #expect(network.reconcile().isEmpty)
        #expect(kernel.links.keys == before.0)
        #expect(kernel.tables == before.1)
        #expect(network.isIntercepting)
    }

    @Test("what somebody removed comes back, and only that is told")
    func putsBack() throws {
        let network = try network(v4, v6)
        _ = network.setUpLink()
        kernel.links[name]?.addresses[v4.bytes] = nil
        #expect(network.reconcile().changes == [.addedAddress(v4, interface: name)])
        kernel.links[name] = nil
        #expect(network.reconcile().changes.first == .addedInterface(name))
        #expect(kernel.links[name]?.addresses.count == 2)
    }

    @Test("a link left behind by a killed agent is adopted with its addresses")
    func adopts() throws {
        _ = try network(v4).setUpLink()
        #expect(try network(v4).setUpLink().changes == [.adoptedInterface(name)])
    }

    @Test("without dummy links the addresses go on lo, with one warning")
    func loopback() throws {
        kernel.refusals[16] = EOPNOTSUPP
        let network = try network(v4)
        let changes = network.setUpLink().changes
        #expect(
            changes == [
                .noDummyInterfaces(wanted: name, Errno(EOPNOTSUPP)), .addedAddress(v4, interface: "lo"),
            ]
        )
        #expect(changes.first?.severity == .warning)
        #expect(network.reconcile().isEmpty)
    }

    @Test("on lo only our addresses are removed, also those of an agent that was killed")
    func loopbackTearDown() throws {
        kernel.refusals[16] = EOPNOTSUPP
        kernel.links["lo"]?.addresses[[127, 0, 0, 1]] = 0
        kernel.links["lo"]?.addresses[v6.bytes] = 0  // the administrator's
        _ = try network(v4, v6).setUpLink()
        #expect(try network(v4, v6).tearDown().changes == [.removedAddress(v4, interface: "lo")])
        #expect(
            kernel.links["lo"]?.addresses.keys.sorted { $0.count < $1.count } == [[127, 0, 0, 1], v6.bytes]
        )
    }

    @Test("somebody else's link of our name loses our addresses and stays")
    func foreignLink() throws {
        kernel.links[name] = .init(index: 9, kind: "bridge")
        let network = try network(v4)
        #expect(network.setUpLink().changes == [.adoptedInterface(name), .addedAddress(v4, interface: name)])
        #expect(network.tearDown().changes == [.removedAddress(v4, interface: name)])
        #expect(kernel.links[name] != nil)
    }

    @Test("what the plan leaves to others is not touched")
    func leavesAlone() throws {
        let network = try network(v4, setsUpInterface: false, setsUpRules: false)
        #expect(network.setUpLink().isEmpty)
        #expect(network.commitInterception().isEmpty)
        #expect(network.reconcile().isEmpty)
        #expect(network.tearDown().isEmpty)
        #expect(kernel.datagrams == [])
    }

    // MARK: Tables

    @Test("committing tells every rule, as node-cache did")
    func commits() throws {
        let lines = try network(v4).commitInterception().changes.map(\.description)
        let comment = #"comment "NodeLocal DNS Cache: skip conntrack""#
        #expect(
            lines == [
                "Added back nodelocaldns rule - {ip \(table) prerouting "
                    + "[ip daddr . meta l4proto . th dport @services notrack accept \(comment)]}",
                "Added back nodelocaldns rule - {ip \(table) output [meta mark 54 return]}",
                "Added back nodelocaldns rule - {ip \(table) output "
                    + "[ip daddr . meta l4proto . th dport @services notrack accept \(comment)]}",
                "Added back nodelocaldns rule - {ip \(table) output "
                    + "[ip saddr . meta l4proto . th sport @services notrack accept \(comment)]}",
            ]
        )
    }

    @Test("one family's refusal does not cost the other its rules")
    func oneFamily() throws {
        let network = try network(v4, v6)
        kernel.tables[.init(family: 10, name: table)] = 0  // stands in the way, and cannot be deleted
        kernel.refusals[0xa02] = EPERM
        let report = network.commitInterception()
        #expect(network.interceptedFamilies == [.v4])
        #expect(!network.isIntercepting)
        #expect(
            report.failures.map(\.description) == [
                "cannot delete table ip6 \(table): Operation not permitted: "
                    + "the table belongs to another process; it goes when that process ends"
            ]
        )
        kernel.refusals = [:]
        #expect(network.reconcile().failures == [])
        #expect(network.isIntercepting)
    }

    @Test("a kernel that does not know owners gets a plain table, and that is told once")
    func plainTable() throws {
        kernel.knowsOwners = false
        let network = try network(v4, v6)
        let warnings = network.commitInterception().changes.filter { $0.severity == .warning }
        #expect(warnings == [.tableWithoutOwner("ip \(table)", .running())])
        #expect(network.isIntercepting)
        #expect(kernel.tables.values.allSatisfy { $0 == 0 })
        #expect(network.reconcile().isEmpty)
    }

    @Test("a plain table that was flushed or changed is committed again")
    func flushed() throws {
        kernel.knowsOwners = false
        let network = try network(v4)
        _ = network.commitInterception()
        kernel.tables = [:]
        #expect(network.reconcile().changes.count == 5)
        kernel.rulesAreForeign = true
        #expect(network.reconcile().changes.count == 5)
        #expect(network.reconcile().isEmpty)
        #expect(kernel.tables.count == 1)
    }

    @Test("tables of dead agents are deleted; those of living ones and of strangers stay")
    func staleTables() throws {
        let dead = FakeKernel.FakeTable(family: 2, name: "nodelocaldns-4000dead")
        let living = FakeKernel.FakeTable(family: 2, name: "nodelocaldns-4000beef")
        let owned = FakeKernel.FakeTable(family: 10, name: "nodelocaldns-4000cafe")
        let strange = FakeKernel.FakeTable(family: 2, name: "nodelocaldns-mine")
        kernel.tables = [dead: 0, living: 0, owned: 2, strange: 0]
        kernel.foreignPorts = [0x4000_beef]
        let changes = try network(v4).commitInterception().changes
        #expect(changes.first == .removedStaleTable("ip nodelocaldns-4000dead"))
        #expect(Set(kernel.tables.keys) == [living, owned, strange])
    }

    @Test("withdrawing deletes the tables and closes their owner; the link stays")
    func withdraws() throws {
        let network = try network(v4, v6)
        _ = network.setUpLink()
        _ = network.commitInterception()
        #expect(network.withdrawInterception().changes.count == 2)
        #expect(kernel.tables == [:])
        #expect(network.interceptedFamilies == [])
        #expect(network.reconcile().isEmpty)
        #expect(network.commitInterception().failures == [])
        #expect(network.isIntercepting)
    }

    @Test("the link is left to another agent that lives, and removed by the last one")
    func twoAgents() throws {
        let network = try network(v4)
        _ = network.setUpLink()
        _ = network.commitInterception()
        let other = FakeKernel.FakeTable(family: 2, name: "nodelocaldns-4000cafe")
        kernel.tables[other] = 2
        #expect(network.tearDown().changes == [.removedTable("ip \(table)"), .leftInterface(name)])
        kernel.tables[other] = nil
        #expect(network.tearDown().changes == [.removedInterface(name)])
    }

    // MARK: Notifications

    @Test("others' changes to our link and addresses wake us, our own and strangers' do not")
    func events() throws {
        let network = try network(v4)
        _ = network.setUpLink()
        let link = try #require(kernel.links[name])
        let lines: [(group: UInt32, message: [UInt8], wakes: Bool)] = [
            (1, linkMessage(name, link, type: 17), true),
            (1, linkMessage("eth7", .init(index: link.index), type: 16), true),  // ours, renamed
            (1, linkMessage("veth0", .init(index: 77)), false),
            (5, addressMessage(v4.bytes, 0, link.index, type: 21), true),
            (5, addressMessage([198, 51, 100, 7], 0, 77, type: 21), false),
            (5, addressMessage(v4.bytes, 53, link.index, portID: 100), false),  // our own socket's
        ]
        for line in lines {
            kernel.notify(group: line.group, 0, line.message)
            #expect(network.drainEvents() == line.wakes)
            #expect(!network.drainEvents())
        }
    }

    @Test("lost notifications mean that anything may have changed")
    func lostEvents() throws {
        let network = try network(v4)
        kernel.notify(group: 1, 0, nil)
        #expect(network.drainEvents())
        #expect(!network.drainEvents())
    }

    @Test("tables are listened to only while they have no owner")
    func tableEvents() throws {
        let deletion = FakeMessage.bytes(
            0xa02,
            sequence: 0,
            [2, 0, 0, 0] + FakeMessage.attribute(1, Array(table.utf8) + [0])
        )
        let owned = try network(v4)
        _ = owned.commitInterception()
        kernel.notify(group: 7, 12, deletion)
        #expect(!owned.drainEvents())

        kernel.knowsOwners = false
        let plain = try network(v4)
        _ = plain.commitInterception()
        kernel.notify(group: 7, 12, deletion)
        #expect(plain.drainEvents())
        _ = plain.withdrawInterception()
        kernel.notify(group: 7, 12, deletion)
        #expect(!plain.drainEvents())
    }
}
