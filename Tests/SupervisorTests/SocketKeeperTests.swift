// Which sockets are open for which plan.

import Addresses
import Control
import Corefile
import Kernel
import Plugins
import Testing

@testable import Supervisor

@Suite struct SocketKeeperTests {
    private func plan(_ corefile: String) throws -> ListenerPlan {
        let check = CorefileCheck.run(
            "Corefile",
            sources: Sources(read: { _ in corefile }),
            defaultPort: 5310
        )
        return ListenerPlan(try #require(check.configuration))
    }

    @Test func opensOneSocketPerThreadForUDPAndOneForTCP() throws {
        var keeper = SocketKeeper(threads: 3, hasIPv6: false)
        let opened = try keeper.open(for: plan(". {\n bind 127.77.2.1\n forward . 192.0.2.1\n}\n"))
        #expect(opened.map(\.transport) == [.udp, .udp, .udp, .tcp])
        #expect(Set(opened.map(\.endpoint.description)) == ["127.77.2.1:5310"])
        // Nothing is dealt to us before there is a worker to read it.
        let bound = { opened.map { Socket.localEndpoint(of: $0.descriptor.raw) == $0.endpoint } }
        #expect(bound() == [false, false, false, true])
        try keeper.putInUse()
        #expect(bound() == [true, true, true, true])
    }

    @Test func theSocketsAreClosedBeforeTheTableWhenTheProcessIsKilled() throws {
        var keeper = SocketKeeper(threads: 2, hasIPv6: false)
        let opened = try keeper.open(for: plan(". {\n bind 127.77.2.6\n forward . 192.0.2.1\n}\n"))
        #expect(opened.allSatisfy { $0.descriptor.raw > ClosingOrder.tableOwner.lowest })
    }

    @Test func opensOnlyWhatIsMissingAndClosesWhatNobodyNeeds() throws {
        let first = try plan(". {\n bind 127.77.2.2\n forward . 192.0.2.1\n}\n")
        let second = try plan(". {\n bind 127.77.2.2 127.77.2.3\n forward . 192.0.2.1\n}\n")
        var keeper = SocketKeeper(threads: 1, hasIPv6: false)
        _ = try keeper.open(for: first)
        #expect(
            try keeper.open(for: second).map(\.endpoint.description) == [
                "127.77.2.3:5310", "127.77.2.3:5310",
            ]
        )
        #expect(try keeper.open(for: second).isEmpty)
        keeper.closeAll(except: first)
        #expect(keeper.endpoints.map(\.description) == ["127.77.2.2:5310"])
        #expect(keeper.all.count == 2)
    }

    @Test func theWildcardIsOneEndpointForEachFamily() throws {
        let plan = try plan(".:5311 {\n forward . 192.0.2.1\n}\n")
        let both = SocketKeeper(threads: 1, hasIPv6: true).endpoints(of: plan)
        #expect(Set(both.map(\.description)) == ["0.0.0.0:5311", "[::]:5311"])
        let one = SocketKeeper(threads: 1, hasIPv6: false).endpoints(of: plan)
        #expect(one.map(\.description) == ["0.0.0.0:5311"])
    }

    @Test func aFailureOpensNothingAndSaysTheWayOut() throws {
        // A port that somebody holds without SO_REUSEPORT.
        let endpoint = try #require(Endpoint("127.77.2.5:5310"))
        let holder = try PortHolder(endpoint)
        defer { holder.keep() }
        var keeper = SocketKeeper(threads: 1, hasIPv6: false)
        try keeper.putInUse()
        let wanted = try plan(". {\n bind 127.77.2.4 127.77.2.5\n forward . 192.0.2.1\n}\n")
        let problem = #expect(throws: SocketProblem.self) { try keeper.open(for: wanted) }
        #expect(
            problem?.description.hasPrefix("listen udp 127.77.2.5:5310: Address already in use: another")
                == true
        )
        #expect(keeper.endpoints.isEmpty)
    }
}
