import Addresses
import AnswerCache
import DNSWire
import TestSupport
import Testing

@testable import Resolution

@Suite struct InFlightTableTests {
    private let block = ServerBlock(index: 0)

    private func key(_ name: String, _ type: RecordType = .a) -> FlightKey {
        FlightKey(
            hash: 7,
            block: ObjectIdentifier(block),
            name: DomainName(name) ?? .root,
            type: type,
            recordClass: .internet,
            dnssecOK: false,
            checkingDisabled: false,
            transport: .udp,
            client: nil
        )
    }

    private func pending(_ mark: UInt8, _ reason: AskReason = .miss) throws -> PendingQuery {
        PendingQuery(
            packet: [mark],
            table: try table([]),
            zone: 0,
            reason: reason,
            arrivedAt: .at(0),
            replyPath: nil,
            family: .v4,
            transport: .udp
        )
    }

    @Test func theFirstAsksAndTheOthersJoin() throws {
        var table = InFlightTable(capacity: 10)
        #expect(table.admit(try pending(1), as: key("a"), at: .at(0)) == .first)
        #expect(table.admit(try pending(2), as: key("a"), at: .at(0)) == .joined)
        #expect(table.admit(try pending(3), as: key("a", .aaaa), at: .at(0)) == .first)
        #expect(table.waiting == 3)
        #expect(table.complete(key("a"))?.waiting.map(\.packet) == [[1], [2]])
        #expect(table.waiting == 1)
        #expect(table.complete(key("a")) == nil)
        #expect(table.admit(try pending(4), as: key("a"), at: .at(0)) == .first)
    }

    @Test func aFullTableTakesNobodyUntilSomebodyLeaves() throws {
        var table = InFlightTable(capacity: 2)
        #expect(table.admit(try pending(1), as: key("a"), at: .at(0)) == .first)
        #expect(table.admit(try pending(2), as: key("b"), at: .at(0)) == .first)
        #expect(table.admit(try pending(3), as: key("a"), at: .at(0)) == .full)
        _ = table.complete(key("b"))
        #expect(table.admit(try pending(3), as: key("a"), at: .at(0)) == .joined)
    }

    @Test func thoseWithAStaleAnswerLeaveAndTheFlightGoesOn() throws {
        var table = InFlightTable(capacity: 10)
        for (mark, reason) in [(1, .verify), (2, .miss), (3, .verify)] as [(UInt8, AskReason)] {
            _ = table.admit(try pending(mark, reason), as: key("a"), at: .at(7))
        }
        #expect(table.needsPatienceTimer(key("a")) && !table.needsPatienceTimer(key("a")))
        let flight = try #require(table[key("a")])
        #expect(flight.startedAt == .at(7))
        #expect(table.releaseVerifying(key("a"), number: flight.number).map(\.packet) == [[1], [3]])
        #expect(table.waiting == 1)
        #expect(table.complete(key("a"))?.waiting.map(\.packet) == [[2]])
    }

    @Test func aTimerOfAnEarlierFlightReleasesNobody() throws {
        var table = InFlightTable(capacity: 10)
        _ = table.admit(try pending(1, .verify), as: key("a"), at: .at(0))
        let first = try #require(table[key("a")])
        _ = table.complete(key("a"))
        _ = table.admit(try pending(2, .verify), as: key("a"), at: .at(1))
        #expect(table.releaseVerifying(key("a"), number: first.number).isEmpty)
        #expect(table.waiting == 1)
    }
}
