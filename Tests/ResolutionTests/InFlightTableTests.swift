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
            block: ObjectIdentifier(block),
            name: Array(name.utf8),
            type: type,
            recordClass: .internet,
            dnssecOK: false,
            checkingDisabled: false,
            transport: .udp
        )
    }

    private func pending(_ mark: UInt8) throws -> PendingQuery {
        PendingQuery(
            packet: [mark],
            table: try table([]),
            zone: 0,
            reason: .miss,
            arrivedAt: .at(0),
            replyPath: nil,
            family: .v4,
            transport: .udp
        )
    }

    @Test func theFirstAsksAndTheOthersJoin() throws {
        var table = InFlightTable(capacity: 10)
        #expect(table.admit(try pending(1), as: key("a")) == .first)
        #expect(table.admit(try pending(2), as: key("a")) == .joined)
        #expect(table.admit(try pending(3), as: key("a", .aaaa)) == .first)
        #expect(table.waiting == 3)
        #expect(table.complete(key("a")).map(\.packet) == [[1], [2]])
        #expect(table.waiting == 1)
        #expect(table.complete(key("a")).isEmpty)
        #expect(table.admit(try pending(4), as: key("a")) == .first)
    }

    @Test func aFullTableTakesNobodyUntilSomebodyLeaves() throws {
        var table = InFlightTable(capacity: 2)
        #expect(table.admit(try pending(1), as: key("a")) == .first)
        #expect(table.admit(try pending(2), as: key("b")) == .first)
        #expect(table.admit(try pending(3), as: key("a")) == .full)
        _ = table.complete(key("b"))
        #expect(table.admit(try pending(3), as: key("a")) == .joined)
    }
}
