import DNSWire
import Resolution
import Testing
import Timing

/// What packet threads know of upstream.
@Suite struct ReachabilityTests {
    @Test func everythingIsAskedWhileSomebodyMayAnswer() {
        let reachability = Reachability()
        #expect((0..<1_000).allSatisfy { _ in reachability.admits(at: .at(0)) })
    }

    @Test func ofAFloodTowardsNobodyATrickleIsAsked() {
        let reachability = Reachability()
        reachability.set(isLost: true)
        // 50 questions a millisecond, for a second.
        let asked = (0..<50_000 as Range<UInt64>).count { reachability.admits(at: .at($0 / 50)) }
        #expect(asked == 10)
        reachability.set(isLost: false)
        #expect(reachability.admits(at: .at(1_000)))
        #expect(reachability.admits(at: .at(1_000)))
    }

    @Test func aBlockKnowsOneGroupOrNothing() {
        let all = ForwardRoute(from: .root, exchange: 0)
        #expect(block([all]).reachability != nil)
        #expect(block([]).reachability == nil)
        #expect(block([all, all]).reachability == nil)
        #expect(block([ForwardRoute(from: .root, except: [.root], exchange: 0)]).reachability == nil)
    }

    private func block(_ forwards: [ForwardRoute]) -> ServerBlock {
        ServerBlock(index: 0, forwards: forwards)
    }
}
