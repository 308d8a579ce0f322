// Finding the upstream Service when the environment does not tell it.

import Addresses
import DNSWire
import Testing
import Timing

@testable import Supervisor

@Suite struct UpstreamLookupTests {
    private static let name = DomainName("up.kube-system.svc.cluster.local")

    /// Header with one question and so many answers, then the question, then the records.
    private func reply(_ id: UInt16, flags: UInt16 = 0x8180, answers: UInt8, _ records: [UInt8]) -> [UInt8] {
        [
            UInt8(id >> 8), UInt8(id & 0xff), UInt8(flags >> 8), UInt8(flags & 0xff), 0, 1, 0, answers, 0, 0,
            0, 0,
        ]
            + (Self.name?.wire ?? []) + [0, 1, 0, 1] + records
    }

    // c0 0c: the question's name; A, IN, TTL 5, four octets
    private let address: [UInt8] = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 192, 0, 2, 7]
    // CNAME to the root, IN, TTL 5
    private let alias: [UInt8] = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 5, 0, 1, 0]

    @Test func theFirstAddressCounts() throws {
        let name = try #require(Self.name)
        let read = UpstreamLookup.reading(reply(7, answers: 2, alias + address), id: 7, name, .a)
        #expect(read == .addresses([IPAddress(v4: 0xc000_0207)]))
    }

    @Test func whatIsNoAnswerIsSilence() throws {
        let name = try #require(Self.name)
        let other = try #require(DomainName("other.kube-system.svc.cluster.local"))
        let good = reply(7, answers: 1, address)
        #expect(UpstreamLookup.reading(good, id: 8, name, .a) == .silence, "another id")
        #expect(UpstreamLookup.reading(good, id: 7, other, .a) == .silence, "another name")
        #expect(UpstreamLookup.reading(good, id: 7, name, .aaaa) == .nothing, "another type")
        let failure = reply(7, flags: 0x8182, answers: 0, [])
        #expect(UpstreamLookup.reading(failure, id: 7, name, .a) == .silence)
        let denial = reply(7, flags: 0x8183, answers: 0, [])
        #expect(UpstreamLookup.reading(denial, id: 7, name, .a) == .nothing)
        #expect(UpstreamLookup.reading(reply(7, answers: 0, []), id: 7, name, .a) == .nothing)
        for length in 0..<good.count {
            #expect(UpstreamLookup.reading(Array(good.prefix(length)), id: 7, name, .a) == .silence)
        }
    }

    @Test func withoutTheUpstreamNothingIsIntercepted() {
        var script = Script()
        _ = script.at(0, .started(generation: 1))
        _ = script.at(40, .workerReady(generation: 1))
        script.state.awaitsUpstream = true
        #expect(script.at(41, .probeAnswered(round: 1)) == [.writePIDFile])
        #expect(!script.state.isIntercepting)
        script.state.awaitsUpstream = false
        _ = script.at(541, .timePassed)
        #expect(script.at(542, .probeAnswered(round: 2)).first == .commitInterception)
    }
}
