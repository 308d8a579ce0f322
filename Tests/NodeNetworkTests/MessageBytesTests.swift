// The exact bytes that leave us. The fixtures carry the sequence numbers and the port id that the fake
// kernel hands out; RealKernelTests show that Linux takes the same messages.

import Addresses
import NodeNetwork
import Testing

/// See TransactionBytes+IPv4.swift and TransactionBytes+IPv6.swift.
enum TransactionBytes {}

/// Reads annotated hex: what stands behind `#` on a line is a comment.
func bytes(_ hex: String) -> [UInt8] {
    hex.split(separator: "\n").flatMap { line in
        line.prefix { $0 != "#" }.split(separator: " ").compactMap { UInt8($0, radix: 16) }
    }
}

@Suite("Messages, byte by byte")
struct MessageBytesTests {
    private let kernel = FakeKernel()
    private let plan = NetworkPlan(addresses: [
        IPAddress(v4: 0xc000_020a),  // 192.0.2.10
        IPAddress(v6High: 0x2001_0db8_0000_0000, low: 0x10),  // 2001:db8::10
    ])

    @Test("a link with an IPv4 and an IPv6 address")
    func link() throws {
        let network = try NodeNetwork(plan: plan, opener: kernel)
        #expect(network.setUpLink().failures == [])
        let expected = [
            LinkBytes.find, LinkBytes.make, LinkBytes.findAgain, LinkBytes.silence, LinkBytes.raise,
            LinkBytes.listAddresses, LinkBytes.addIPv4, LinkBytes.addIPv6,
        ]
        #expect(kernel.datagrams == expected.map(bytes))
    }

    @Test("the transaction of each family", arguments: [TransactionBytes.ipv4, TransactionBytes.ipv6])
    func transaction(hex: String) throws {
        let network = try NodeNetwork(plan: plan, opener: kernel)
        #expect(network.commitInterception().failures == [])
        #expect(kernel.datagrams.contains(bytes(hex)))
    }

    @Test("one transaction per family, each on the owner's socket under the port id the table is named by")
    func owner() throws {
        let network = try NodeNetwork(plan: plan, opener: kernel)
        #expect(network.commitInterception().failures == [])
        let transactions = kernel.datagrams.filter { $0[4] == 0x10 && $0[5] == 0 }
        #expect(transactions.count == 2)
        let owners = kernel.identities.filter { if case .owner = $0 { true } else { false } }
        #expect(owners.count == 1)
        #expect(Set(kernel.tables.keys.map(\.name)) == ["nodelocaldns-6b0f3a51"])
    }
}
