// What is said to the kernel about the fall-back, and what is done where it refuses, told with a fake kernel.

import Addresses
import Glibc
import NodeNetwork
import Testing

@Suite("Fall-back")
struct FallbackTests {
    private let kernel = FakeKernel()
    private let title = "ip nodelocaldns-fallback"
    private let table = FakeKernel.FakeTable(family: 2, name: "nodelocaldns-fallback")

    private func network(
        upstream: String = "10.96.134.149",
        addresses texts: [String] = ["169.254.20.10", "10.96.0.10"],
        nodeLocal: [String] = ["169.254.20.10"],
        isBehindIPVS: Bool = false
    ) throws -> NodeNetwork {
        let fallback = FallbackPlan(
            upstream: try addresses(upstream),
            nodeLocalAddresses: try nodeLocal.map { try #require(IPAddress($0)) },
            isBehindIPVS: isBehindIPVS
        )
        let all = try texts.map { try #require(IPAddress($0)) }
        let plan = NetworkPlan(addresses: all, fallback: fallback, gatesOnSockets: true)
        return try NodeNetwork(plan: plan, opener: kernel)
    }

    /// The rules of the last transaction: chain, and the kernel's names of the expressions.
    private func rules() -> [String] {
        let transaction = kernel.datagrams.last { $0[4] == 0x10 && $0[5] == 0 } ?? []
        return FakeMessage.messages(in: transaction).filter { $0.type == 0xa06 }.map { message in
            let expressions = FakeMessage.list(message.attribute(4, from: 20) ?? [])
            let names = expressions.map { FakeMessage(bytes: $0).text(1, from: 0) ?? "" }
            return "\(message.text(2, from: 20) ?? ""): \(names.joined(separator: " "))"
        }
    }

    /// The chains of the last transaction.
    private func chains() -> [String] {
        var result: [String] = []
        for line in rules() {
            let chain = String(line.prefix { $0 != ":" })
            if result.last != chain { result.append(chain) }
        }
        return result
    }

    // MARK: Contents

    private static let tcp = "meta cmp payload bitwise cmp"
    private static let toUs = "payload meta payload lookup"

    @Test("is made of these expressions")
    func expressions() throws {
        _ = try network().installFallback()
        #expect(
            rules() == [
                "rewrite: payload cmp immediate ct immediate payload",
                "stay: payload payload payload dynset",
                "stay: \(Self.toUs) immediate",
                "stay: immediate ct",
                "keep_prerouting: \(Self.tcp) \(Self.toUs) payload payload payload lookup immediate",
                "keep_prerouting: \(Self.tcp) \(Self.toUs) payload payload payload dynset",
                "keep_output: \(Self.toUs) notrack immediate",
                "keep_output: meta cmp \(Self.toUs) notrack immediate",
                "keep_output: \(Self.tcp) \(Self.toUs) payload payload payload lookup immediate",
                "keep_output: \(Self.tcp) \(Self.toUs) payload payload payload dynset",
                "fall_back_prerouting: ct bitwise cmp immediate",
                "fall_back_prerouting: \(Self.tcp) \(Self.toUs) socket cmp notrack immediate",
                "fall_back_prerouting: \(Self.tcp) \(Self.toUs) payload payload payload dynset",
                "fall_back_prerouting: \(Self.toUs) immediate",
                "fall_back_output: ct bitwise cmp immediate",
                "fall_back_output: \(Self.tcp) \(Self.toUs) notrack immediate",
                "fall_back_output: \(Self.tcp) \(Self.toUs) payload payload payload dynset",
                "fall_back_output: \(Self.toUs) immediate",
                "restore_input: ct cmp ct cmp payload cmp immediate payload",
                "restore_postrouting: ct cmp ct cmp payload cmp immediate payload",
                "masquerade_host: payload lookup ct bitwise cmp masq",
            ]
        )
        #expect(kernel.tables == [table: 6])
    }

    @Test(
        "rewrites an address in both families, and has the kernel mend the checksums",
        arguments: [RewriteBytes.ipv4, RewriteBytes.ipv6]
    )
    func rewrite(hex: String) throws {
        _ = try network().installFallback()
        _ = try network(
            upstream: "2001:db8:96::149",
            addresses: ["2001:db8::a"],
            nodeLocal: ["2001:db8::a"]
        ).installFallback()
        #expect(kernel.datagrams.contains { $0.contains(bytes(hex)) })
    }

    @Test("ClusterIPs are left to kube-proxy: nothing is rewritten, the rest stays")
    func clusterAddressesOnly() throws {
        _ = try network(addresses: ["10.96.0.10"], nodeLocal: []).installFallback()
        #expect(
            chains() == [
                "stay", "keep_prerouting", "keep_output", "fall_back_prerouting", "fall_back_output",
                "masquerade_host",
            ]
        )
    }

    @Test("each node-local address has its own zone; IPVS needs a masquerade by zone")
    func several() throws {
        let local = ["169.254.20.10", "169.254.20.11"]
        _ = try network(addresses: local, nodeLocal: local, isBehindIPVS: true).installFallback()
        let counts = rules().reduce(into: [:]) { $0[String($1.prefix { $0 != ":" }), default: 0] += 1 }
        #expect(counts["rewrite"] == 2 && counts["restore_input"] == 2 && counts["masquerade_host"] == 3)
    }

    @Test("without a plan for it nothing happens")
    func unplanned() throws {
        let plan = NetworkPlan(addresses: try addresses("169.254.20.10"))
        let network = try NodeNetwork(plan: plan, opener: kernel)
        #expect(network.installFallback().isEmpty)
        #expect(kernel.datagrams == [])
        #expect(!network.isFallbackInstalled(.v4))
    }

    // MARK: Versions

    @Test("a changed plan is another version, the same plan is not")
    func versions() throws {
        var versions: [[UInt8]?] = []
        for upstream in ["10.96.134.149", "10.96.134.150", "10.96.134.149"] {
            kernel.tables = [:]
            #expect(try network(upstream: upstream).installFallback().changes == [.installedFallback(title)])
            versions.append(kernel.comments[table])
        }
        #expect(versions[0] == versions[2] && versions[0] != versions[1])
    }

    @Test("a second pass finds all well and says nothing; what was flushed comes back")
    func reconciles() throws {
        let network = try network()
        _ = network.installFallback()
        #expect(network.reconcile().isEmpty)
        kernel.tables = [:]
        #expect(network.reconcile().changes == [.installedFallback(title)])
        #expect(network.reconcile().isEmpty)
    }

    // MARK: Older kernels

    @Test(
        "what the kernel cannot do is left out, and told once",
        arguments: [
            (KernelFeature.socketMatch, "socket", ENOENT, 20, 9),
            (.socketMatch, "socket", EOPNOTSUPP, 20, 9),
            (.flowMemory, "kept_flows", EOPNOTSUPP, 10, 7),
            (.flowMemory, "dynset", EINVAL, 10, 7),
            (.masquerade, "masq", ENOENT, 20, 8),
        ]
    )
    func leavesOut(feature: KernelFeature, word: String, code: CInt, rules: Int, chains: Int) throws {
        kernel.refusedWords[word] = code
        let network = try network()
        let report = network.installFallback()
        #expect(report.failures == [])
        let warning = NetworkChange.leftOut(feature, table: title, .running())
        #expect(report.changes == [.installedFallback(title), warning])
        #expect(warning.severity == .warning)
        #expect(self.rules().count == rules && self.chains().count == chains)
        #expect(network.isFallbackInstalled(.v4))
        #expect(network.reconcile().isEmpty)
    }

    @Test("leads to where the upstream Service has moved, and is then left alone")
    func moves() throws {
        let network = try network()
        _ = network.installFallback()
        let moved = FallbackPlan(
            upstream: try addresses("10.96.200.1"),
            nodeLocalAddresses: try addresses("169.254.20.10")
        )
        let report = network.moveFallback(to: moved)
        #expect(report.failures == [])
        #expect(report.changes == [.installedFallback("ip nodelocaldns-fallback")])
        #expect(network.moveFallback(to: moved).isEmpty)
        #expect(network.reconcile().isEmpty)
    }

    @Test("the agent's own table does without the gate where sockets cannot be matched")
    func gateless() throws {
        kernel.refusedWords["socket"] = ENOENT
        let network = try network()
        let report = network.commitInterception()
        #expect(report.failures == [])
        #expect(report.changes.filter { $0.severity == .warning }.count == 1)
        #expect(rules().count == 4)
        #expect(network.isIntercepting)
    }

    @Test("kernels before 6.9 and before 5.12 get a plain table, which is then listened to")
    func plain() throws {
        let deletion = FakeMessage.bytes(
            0xa02,
            sequence: 0,
            [2, 0, 0, 0] + FakeMessage.attribute(1, Array(table.name.utf8) + [0])
        )
        for knowsOwners in [true, false] {
            kernel.tables = [:]
            kernel.knowsOwners = knowsOwners
            kernel.knowsPersistence = false
            let network = try network()
            let changes = network.installFallback().changes
            #expect(changes.contains(.leftOut(.persistentOwner, table: title, .running())))
            #expect(kernel.tables == [table: 0])
            kernel.notify(group: 7, 12, deletion)
            #expect(network.drainEvents())
            kernel.tables = [:]
            #expect(network.reconcile().changes == [.installedFallback(title)])
        }
    }

    @Test("a kernel that keeps no comments has the table made anew at every start, not at every pass")
    func uncommented() throws {
        kernel.keepsComments = false
        let network = try network()
        let warning = NetworkChange.leftOut(.tableComment, table: title, .running())
        #expect(network.installFallback().changes == [.installedFallback(title), warning])
        #expect(network.reconcile().isEmpty)
        #expect(try self.network().installFallback().changes.first == .installedFallback(title))
    }

    @Test("a table that another agent owns is left to it, and that is told once")
    func heldByAnother() throws {
        kernel.tables[table] = 6
        kernel.refusals[0xa02] = EPERM
        let network = try network()
        #expect(network.installFallback().changes == [.leftFallback(title)])
        #expect(!network.isFallbackInstalled(.v4))
        #expect(network.reconcile().isEmpty)
        kernel.refusals = [:]
        #expect(network.reconcile().changes == [.installedFallback(title)])
    }

    @Test("what we cannot do without is an error that names the rule")
    func noDesign() throws {
        kernel.refusedWords["rewrite"] = ENOENT
        let network = try network()
        let report = network.installFallback()
        #expect(report.changes == [])
        #expect(report.failures.map(\.errorType) == [.iptables])
        #expect(!network.isFallbackInstalled(.v4))
    }
}

/// The part of a message that rewrites the destination.
enum RewriteBytes {
    static let ipv4 = """
        2c 00 01 80                                         # NFTA_LIST_ELEM
         0e 00 01 00 69 6d 6d 65 64 69 61 74 65 00 00 00    # NFTA_EXPR_NAME: immediate
         18 00 02 80                                        # NFTA_EXPR_DATA
          08 00 01 00 00 00 00 01                           # NFTA_IMMEDIATE_DREG: 1
          0c 00 02 80                                       # NFTA_IMMEDIATE_DATA
           08 00 01 00 0a 60 86 95                          # NFTA_DATA_VALUE: 10.96.134.149
        4c 00 01 80                                         # NFTA_LIST_ELEM
         0c 00 01 00 70 61 79 6c 6f 61 64 00                # NFTA_EXPR_NAME: payload
         3c 00 02 80                                        # NFTA_EXPR_DATA
          08 00 05 00 00 00 00 01                           # NFTA_PAYLOAD_SREG: 1
          08 00 02 00 00 00 00 01                           # NFTA_PAYLOAD_BASE: network header
          08 00 03 00 00 00 00 10                           # NFTA_PAYLOAD_OFFSET: 16
          08 00 04 00 00 00 00 04                           # NFTA_PAYLOAD_LEN: 4
          08 00 06 00 00 00 00 01                           # NFTA_PAYLOAD_CSUM_TYPE: inet
          08 00 07 00 00 00 00 0a                           # NFTA_PAYLOAD_CSUM_OFFSET: 10
          08 00 08 00 00 00 00 01                           # NFTA_PAYLOAD_CSUM_FLAGS: pseudo header
        """

    static let ipv6 = """
        38 00 01 80                                         # NFTA_LIST_ELEM
         0e 00 01 00 69 6d 6d 65 64 69 61 74 65 00 00 00    # NFTA_EXPR_NAME: immediate
         24 00 02 80                                        # NFTA_EXPR_DATA
          08 00 01 00 00 00 00 01                           # NFTA_IMMEDIATE_DREG: 1
          18 00 02 80                                       # NFTA_IMMEDIATE_DATA
           14 00 01 00                                      # NFTA_DATA_VALUE: 2001:db8:96::149
           20 01 0d b8 00 96 00 00 00 00 00 00 00 00 01 49
        44 00 01 80                                         # NFTA_LIST_ELEM
         0c 00 01 00 70 61 79 6c 6f 61 64 00                # NFTA_EXPR_NAME: payload
         34 00 02 80                                        # NFTA_EXPR_DATA
          08 00 05 00 00 00 00 01                           # NFTA_PAYLOAD_SREG: 1
          08 00 02 00 00 00 00 01                           # NFTA_PAYLOAD_BASE: network header
          08 00 03 00 00 00 00 18                           # NFTA_PAYLOAD_OFFSET: 24
          08 00 04 00 00 00 00 10                           # NFTA_PAYLOAD_LEN: 16
          08 00 06 00 00 00 00 00                           # NFTA_PAYLOAD_CSUM_TYPE: none
          08 00 08 00 00 00 00 01                           # NFTA_PAYLOAD_CSUM_FLAGS: pseudo header
        """
}
