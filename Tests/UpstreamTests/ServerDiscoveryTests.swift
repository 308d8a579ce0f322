import Addresses
import Testing
import Timing
import Upstream

/// When the servers behind a name are looked up.
@Suite struct ServerDiscoveryTests {
    private func expect(
        _ value: Bool,
        _ wanted: Bool = true,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(value == wanted, sourceLocation: sourceLocation)
    }

    @Test func lookedUpAgainWhenTheTimeToLiveIsOver() {
        var discovery = ServerDiscovery(at: .at(0))
        expect(discovery.isDue(at: .at(0)))
        expect(discovery.isDue(at: .at(1)), false)
        expect(discovery.found([serverB, serverA, serverB], for: .seconds(5), at: .at(10)))
        #expect(discovery.servers == [serverA, serverB])
        expect(discovery.isDue(at: .at(5_009)), false)
        expect(discovery.isDue(at: .at(5_010)))
        // The same in another order is no change.
        expect(discovery.found([serverB, serverA], for: .seconds(5), at: .at(5_020)), false)
    }

    @Test(arguments: [(0, 1_000), (1, 1_000), (30, 30_000), (86_400, 30_000)] as [(UInt64, UInt64)])
    func theTimeToLiveHasBounds(_ seconds: UInt64, _ milliseconds: UInt64) {
        var discovery = ServerDiscovery(at: .at(0))
        _ = discovery.found([serverA], for: .seconds(seconds), at: .at(0))
        #expect(discovery.next == .at(milliseconds))
    }

    @Test func aFailureKeepsTheListAndIsRepeatedLessAndLessOften() {
        var discovery = ServerDiscovery(at: .at(0))
        _ = discovery.found([serverA], for: .seconds(5), at: .at(0))
        var pauses: [Instant] = []
        for _ in 0..<5 {
            discovery.failed(at: .at(0))
            pauses.append(discovery.next)
        }
        #expect(pauses == [.at(500), .at(1_000), .at(2_000), .at(4_000), .at(5_000)])
        expect(discovery.found([], for: .seconds(5), at: .at(0)), false)
        #expect(discovery.servers == [serverA] && discovery.next == .at(5_000))
        expect(discovery.found([serverA], for: .seconds(5), at: .at(0)), false)
        discovery.failed(at: .at(0))
        #expect(discovery.next == .at(500))
    }

    @Test func aSuspectMeansALookButNotMoreThanOneASecond() {
        var discovery = ServerDiscovery(at: .at(0))
        _ = discovery.isDue(at: .at(0))
        _ = discovery.found([serverA], for: .seconds(30), at: .at(10))
        discovery.wasSuspected(at: .at(20))
        #expect(discovery.next == .at(1_000))
        _ = discovery.isDue(at: .at(1_000))
        _ = discovery.found([serverA], for: .seconds(30), at: .at(1_010))
        discovery.wasSuspected(at: .at(9_000))
        #expect(discovery.next == .at(9_000))
    }

    @Test func fifteenAreEnough() {
        var discovery = ServerDiscovery(at: .at(0))
        let many = (1...20).map { Endpoint(IPAddress(v4: 0xc000_0200 + $0), port: 53) }
        _ = discovery.found(many, for: .seconds(5), at: .at(0))
        #expect(discovery.servers.count == 15)
    }
}
