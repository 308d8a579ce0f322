// Real look-ups through the tables: a node with a pod, a cluster DNS that stands on another node, and the
// rules kube-proxy would have. The other node owns the node-local address, too, as every node does, so that
// an answer sent to it never comes back. Who answered is seen by what was answered.

import Addresses
import Glibc
import NodeNetwork
import Testing

@Suite("Look-ups with and without an agent", .enabled(if: mayMakeNamespaces, "needs root"))
struct FallbackPacketTests {
    enum Form: String, CaseIterable {
        case nftables
        case iptables = "iptables-nft"
    }

    private static let byAgent = "192.0.2.1"
    private static let byCluster = "192.0.2.101"

    @Test(
        "cluster DNS answers pod and host over UDP and TCP while no agent's table is there, and only then",
        arguments: Form.allCases,
        IPAddress.Family.allCases
    )
    func lookUps(form: Form, family: IPAddress.Family) throws {
        try inNewNetworkNamespace {
            let bed = try PacketBed(family, answers: (agent: Self.byAgent, cluster: Self.byCluster))
            defer { bed.remove() }
            try bed.makeNode()
            try bed.translateServices(form)
            #expect(ServiceProxy.detect() == (form == .nftables ? .nftables : .iptablesNft))

            let fallback = FallbackPlan(
                upstream: try addresses(bed.upstream),
                nodeLocalAddresses: try addresses(bed.local)
            )
            let network = try NodeNetwork(
                plan: NetworkPlan(
                    addresses: try addresses(bed.local, bed.cluster),
                    fallback: fallback
                ),
                // A table without an owner is what a kernel before 5.12 leaves behind.
                ownership: .never
            )
            #expect(network.setUpLink().failures == [])
            #expect(network.installFallback().failures == [])
            try bed.expectAnswers(Self.byCluster)

            try bed.startAgent()
            #expect(network.commitInterception().failures == [])
            try bed.expectAnswers(Self.byAgent)

            #expect(network.withdrawInterception().failures == [])
            try bed.expectAnswers(Self.byCluster)

            // The gate alone: the agent's sockets are gone, its table is there.
            #expect(network.commitInterception().failures == [])
            try bed.stopAgent()
            for server in bed.servers { try bed.expect(Self.byCluster, from: server, inPod: true) }
        }
    }
}

extension FallbackPacketTests {
    @Test(
        "a TCP connection stays where it began, when the agent comes and when it goes",
        arguments: Form.allCases
    )
    func connections(form: Form) throws {
        try inNewNetworkNamespace {
            let bed = try PacketBed(.v4, answers: (agent: Self.byAgent, cluster: Self.byCluster))
            defer { bed.remove() }
            try bed.makeNode()
            try bed.translateServices(form)
            let network = try NodeNetwork(
                plan: NetworkPlan(
                    addresses: try addresses(bed.local, bed.cluster),
                    fallback: FallbackPlan(
                        upstream: try addresses(bed.upstream),
                        nodeLocalAddresses: try addresses(bed.local)
                    )
                )
            )
            _ = network.setUpLink()
            _ = network.installFallback()
            try bed.startAgent()

            let begunInFallback = try bed.connections()
            for connection in begunInFallback { #expect(try connection.ask() == [192, 0, 2, 101]) }
            _ = network.commitInterception()
            for connection in begunInFallback { #expect(try connection.ask() == [192, 0, 2, 101]) }

            let begunWithUs = try bed.connections()
            for connection in begunWithUs { #expect(try connection.ask() == [192, 0, 2, 1]) }
            // First as a stop does it, then as a hang.
            #expect(network.finishInterception().failures == [])
            try bed.expectAnswers(Self.byCluster)
            for connection in begunWithUs { #expect(try connection.ask() == [192, 0, 2, 1]) }
            for connection in begunInFallback { #expect(try connection.ask() == [192, 0, 2, 101]) }
            _ = network.withdrawInterception()
            for connection in begunWithUs { #expect(try connection.ask() == [192, 0, 2, 1]) }
            for connection in begunInFallback { #expect(try connection.ask() == [192, 0, 2, 101]) }
        }
    }
}
