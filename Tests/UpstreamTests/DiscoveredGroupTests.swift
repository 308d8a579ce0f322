import Addresses
import DNSWire
import Resolution
import Telemetry
import TestSupport
import Testing
import Timing

@testable import Upstream

/// A forward line whose servers stand behind a name, over a scripted network.
@Suite struct DiscoveredGroupTests {
    private static let resolver = Endpoint(IPAddress(v4: 0xc000_0235), port: 53)
    private static let own = Endpoint(IPAddress(v4: 0xa9fe_140a), port: 53)

    private final class Line {
        let network = ScriptedNetwork()
        let counters = UpstreamCounters()
        let group: DiscoveredGroup
        let name: DomainName
        private(set) var lists: [[Endpoint]] = []
        private(set) var outcomes: [UpstreamOutcome] = []

        init() throws {
            name = try #require(DomainName("_dns-tcp._tcp.pods.example.org"))
            var settings = ForwardSettings(upstreams: [DiscoveredGroupTests.resolver])
            settings.policy = .latency
            let discovery = ForwardSettings.Discovery(
                name: name,
                ownAddresses: [DiscoveredGroupTests.own.address]
            )
            var onChange: ([Endpoint]) -> Void = { _ in }
            group = DiscoveredGroup(
                discovery,
                settings,
                network: network,
                counters: counters,
                onNewGroup: { _ in },
                onChange: { onChange($0) }
            )
            onChange = { [weak self] in self?.lists.append($0) }
            network.settle()
        }

        func ask(_ text: String) {
            group.ask(query(text)) { self.outcomes.append($0) }
            network.settle()
        }

        func elapse(_ milliseconds: UInt64) { network.elapse(.milliseconds(milliseconds)) }

        /// The look-up that waits for its answer.
        var lookUp: ScriptedLink.Sent? { network.unanswered.first { $0.message.dropLast(2).last == 33 } }
        /// Whom questions wait for.
        var asked: [Endpoint] {
            network.unanswered.filter { $0.message.dropLast(2).last == 1 }.map(\.link.remote)
        }

        func answer(_ servers: [Endpoint], life: UInt8 = 5) {
            guard let lookUp else { return }
            lookUp.link.deliver(serviceReply(to: lookUp.message, servers, life: life))
            network.settle()
        }

        func fail() {
            lookUp?.reply(code: 2)
            network.settle()
        }

        var gauge: Int64 { counters.discovery(of: name).servers.value }
        var failures: UInt64 { counters.discovery(of: name).failures.value }
    }

    @Test func theResolverIsAskedUntilTheServersAreKnown() throws {
        let line = try Line()
        line.ask("a.example.org")
        #expect(line.asked == [Self.resolver])
        line.answer([serverA, serverB])
        line.ask("b.example.org")
        #expect(line.asked.count == 2 && [serverA, serverB].contains(line.asked[1]))
        #expect(line.lists == [[serverA, serverB]] && line.gauge == 2)
    }

    @Test func aNewServerIsAskedWithinTheTimeToLiveAndOneThatIsGoneIsNot() throws {
        let line = try Line()
        line.answer([serverA])
        line.ask("a.example.org")
        #expect(line.asked == [serverA])
        line.elapse(5_200)
        line.answer([serverB])
        #expect(line.lists == [[serverA], [serverB]])
        line.ask("b.example.org")
        #expect(line.asked.last == serverB)
    }

    @Test func aFailureKeepsTheServersAndIsCounted() throws {
        let line = try Line()
        line.answer([serverA])
        line.elapse(5_200)
        line.fail()
        line.ask("a.example.org")
        #expect(line.asked == [serverA] && line.failures == 1)
        line.elapse(700)
        #expect(line.lookUp != nil)
    }

    @Test func ourOwnAddressIsNotTaken() throws {
        let line = try Line()
        line.answer([Self.own])
        line.ask("a.example.org")
        #expect(line.asked == [Self.resolver] && line.failures == 1)
        line.elapse(700)
        line.answer([Self.own, serverA])
        #expect(line.lists == [[serverA]])
    }

    @Test func aServerThatStopsToAnswerIsLeftAndTheNameIsAskedAgain() throws {
        let line = try Line()
        line.answer([serverA, serverB], life: 30)
        line.ask("a.example.org")
        let dead = try #require(line.asked.first)
        line.elapse(1_500)
        // Elsewhere within half a second, and nobody else waits for the dead one.
        #expect(Set(line.asked.prefix(2)) == [serverA, serverB])
        #expect(line.lookUp != nil)
        line.network.unanswered.last { $0.link.remote != dead && $0.link.remote != Self.resolver }?.reply()
        line.ask("b.example.org")
        #expect(line.asked.last != dead)
    }

    @Test func closedMeansSilence() throws {
        let line = try Line()
        line.answer([serverA])
        line.group.close()
        line.elapse(60_000)
        #expect(line.network.unanswered.isEmpty && line.gauge == 0)
    }

    // MARK: - Records

    @Test func recordsAreReadInBothFamiliesAndTheLeastTimeToLiveCounts() throws {
        let six = Endpoint(IPAddress(v6High: 0x2001_0db8_0000_0000, low: 7), port: 5353)
        let message = serviceReply(to: query("s.example.org", type: 33).message, [serverA, six], life: 9)
        let records = try #require(ServiceRecords(message, preferring: .v4))
        #expect(records.servers == [serverA, six] && records.life == .seconds(9))
        for length in 0..<message.count {
            #expect(ServiceRecords(Array(message.prefix(length)), preferring: .v4) == nil)
        }
    }

    @Test func ofATargetWithBothFamiliesOneIsTakenAndOneWithoutAnyNone() throws {
        let six = Endpoint(IPAddress(v6High: 0x2001_0db8_0000_0000, low: 7), port: 53)
        let question = query("s.example.org", type: 33).message
        let message = serviceReply(to: question, [serverA, six], names: ["both", "both"], homeless: true)
        let records = try #require(ServiceRecords(message, preferring: .v6))
        // Two records name the same target: the state machine makes one of them.
        #expect(records.servers == [six, six])
    }
}

/// An answer with an SRV record for each server, and its address in the additional section.
private func serviceReply(
    to question: [UInt8],
    _ servers: [Endpoint],
    life: UInt8 = 5,
    names: [String]? = nil,
    homeless: Bool = false
) -> [UInt8] {
    let targets = servers.indices.map { DomainName((names?[$0] ?? "pod-\($0)") + ".example.org")?.wire ?? [] }
    let count = UInt8(servers.count)
    let extra: UInt8 = homeless ? 1 : 0
    var reply = [question[0], question[1], 0x81, 0x80, 0, 1, 0, count + extra, 0, 0, 0, count]
    reply += question[12...]
    func service(_ target: [UInt8], _ port: UInt16) -> [UInt8] {
        // The question's name, SRV, IN, TTL, length; priority, weight, port, target.
        [0xc0, 12, 0, 33, 0, 1, 0, 0, 0, life, 0, UInt8(6 + target.count), 0, 0, 0, 100]
            + [UInt8(port >> 8), UInt8(port & 0xff)] + target
    }
    for (server, target) in zip(servers, targets) { reply += service(target, server.port) }
    if homeless { reply += service(DomainName("homeless.example.org")?.wire ?? [], 53) }
    for (server, target) in zip(servers, targets) {
        let bytes = server.address.bytes
        reply +=
            target + [0, server.address.family == .v4 ? 1 : 28, 0, 1, 0, 0, 0, 30, 0, UInt8(bytes.count)]
        reply += bytes
    }
    return reply
}
