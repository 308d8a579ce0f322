import DNSWire
import TestSupport
import Testing

/// What is taken for a query, packet by packet: node-cache's specification, 5.1, bettered by its chapter 7.
@Suite struct QueryTests {
    /// A packet: id 2a17, these flags, these counts, and what follows the header.
    struct Row: Sendable, CustomStringConvertible {
        let description: String
        let packet: [UInt8]

        init(_ description: String, flags: UInt16 = 0x0100, _ counts: [UInt16], _ body: String = "") {
            self.description = description
            let words = [0x2a17, flags] + counts
            packet = words.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] } + hex(body)
        }

        /// With one question and no record.
        init(_ description: String, flags: UInt16 = 0x0100, _ body: String = "") {
            self.init(description, flags: flags, [1, 0, 0, 0], body)
        }

        init(_ description: String, raw: String) {
            self.description = description
            packet = hex(raw)
        }
    }

    private static let question = "03 'www' 07 'example' 03 'org' 00  00 01  00 01"
    private static let opt = "00  00 29  04 d0  00 00 00 00  00 00"
    private static let address = "c0 0c  00 01  00 01  00 00 00 3c  00 04  c0 00 02 01"

    private static let accepted: [Row] = [
        Row("the ordinary one", question),
        Row("without RD", flags: 0x0000, question),
        Row("every harmless flag", flags: 0x07ff, question),
        Row("the root", "00 00 02 00 01"),
        Row("with EDNS", [1, 0, 0, 1], question + opt),
        Row("octets behind the end", question + "de ad"),
        Row("one answer", [1, 1, 0, 0], question + address),
        Row("one authority", [1, 0, 1, 0], question + address),
        Row("two OPT", [1, 0, 0, 2], question + opt + opt),
        Row("a missing record", [1, 0, 0, 1], question),
        Row("one of two records missing", [1, 0, 0, 2], question + opt),
        Row("OPT with a name", [1, 0, 0, 1], question + "01 'x' 00 00 29 04 d0 00 00 00 00 00 00"),
        Row(
            "a cookie of odd length",
            [1, 0, 0, 1],
            question + "00 00 29 04 d0 00 00 00 00 00 07 00 0a 00 03 01 02 03"
        ),
        Row("an address record beside OPT", [1, 0, 0, 2], question + address + opt),
        Row("another class", "01 'x' 00 00 10 00 03"),
        Row("type and class zero", "01 'x' 00 00 00 00 00"),
        Row("a binary label", "03 00 ff 2e 00 00 01 00 01"),
    ]

    private static let short: [Row] = [
        Row("nothing", raw: ""),
        Row("one octet", raw: "2a"),
        Row("eleven octets", raw: "2a 17 01 00 00 01 00 00 00 00 00"),
    ]

    private static let responses: [Row] = [
        Row("a response", flags: 0x8180, question),
        Row("a bare response", flags: 0x8000, [0, 0, 0, 0]),
    ]

    private static let otherOpcodes: [Row] = [
        Row("inverse query", flags: 0x0900, question),
        Row("status", flags: 0x1100, question),
        Row("notify", flags: 0x2100, question),
        Row("update", flags: 0x2900, question),
        Row("opcode 15", flags: 0x7900, question),
    ]

    private static let malformed: [Row] = [
        Row("no question", [0, 0, 0, 0]),
        Row("only a cookie", [0, 0, 0, 1], opt),
        Row("two questions", [2, 0, 0, 0], question + question),
        Row("65535 questions", [65535, 0, 0, 0], question),
        Row("two answers", [1, 2, 0, 0], question),
        Row("two authorities", [1, 0, 2, 0], question),
        Row("three additional", [1, 0, 0, 3], question),
        Row("label type 40", "41 'a' 00 00 01 00 01"),
        Row("label type 80", "81 'a' 00 00 01 00 01"),
        Row("a pointer to itself", "c0 0c 00 01 00 01"),
        Row("a pointer forward", "c0 12 00 01 00 01 01 'x' 00"),
        Row("a pointer back", "c0 04 00 01 00 01"),
        Row("only the header"),
        Row("no end of the name", "03 'www'"),
        Row("a label past the end", "3f 'abc'"),
        Row("no type", "01 'x' 00"),
        Row("half a type", "01 'x' 00 00"),
        Row("no class", "01 'x' 00 00 01"),
        Row("half a class", "01 'x' 00 00 01 00"),
    ]

    private static let otherVersions: [Row] = [
        Row("EDNS version 1", [1, 0, 0, 1], question + "00 00 29 04 d0 00 01 00 00 00 00"),
        Row("EDNS version 255", [1, 0, 0, 1], question + "00 00 29 04 d0 00 ff 80 00 00 00"),
        Row("of two OPT the last counts", [1, 0, 0, 2], question + opt + "00 00 29 04 d0 00 01 00 00 00 00"),
    ]

    private static let malformedRecords: [Row] = [
        Row(
            "an option longer than its record",
            [1, 0, 0, 1],
            question + "00 00 29 04 d0 00 00 00 00 00 04 00 0a 00 09"
        ),
        Row(
            "an option without a length",
            [1, 0, 0, 1],
            question + "00 00 29 04 d0 00 00 00 00 00 03 00 0a 00"
        ),
        Row("data longer than the packet", [1, 0, 0, 1], question + "00 00 29 04 d0 00 00 00 00 00 ff"),
        Row("half a record", [1, 0, 0, 1], question + "00 00 29 04"),
        Row("a record that is one octet", [1, 0, 0, 1], question + "00"),
        Row(
            "an owner of an unknown label type",
            [1, 1, 0, 0],
            question + "40 00 01 00 01 00 00 00 3c 00 00"
        ),
    ]

    @Test(arguments: accepted) func isAccepted(_ row: Row) {
        #expect(Reading(row.packet).acceptance == .accepted)
    }

    @Test(arguments: short) func tooShortForAnAnswer(_ row: Row) {
        #expect(Reading(row.packet).acceptance == .ignored(.short))
    }

    @Test(arguments: responses) func responsesAreNotAnswered(_ row: Row) {
        #expect(Reading(row.packet).acceptance == .ignored(.response))
    }

    @Test(arguments: otherOpcodes) func onlyQueriesAreImplemented(_ row: Row) {
        #expect(Reading(row.packet).acceptance == .rejected(.notImplemented, withQuestion: false))
        #expect(Reading(row.packet).questionEnd == Limits.headerSize)
    }

    @Test(arguments: malformed) func isMalformed(_ row: Row) {
        let reading = Reading(row.packet)
        #expect(reading.acceptance == .rejected(.formatError, withQuestion: false))
        #expect(reading.questionEnd == Limits.headerSize && reading.edns == nil && reading.name == nil)
    }

    @Test(arguments: otherVersions) func otherVersionsOfEDNS(_ row: Row) {
        #expect(Reading(row.packet).acceptance == .rejected(.badVersion, withQuestion: true))
    }

    @Test(arguments: malformedRecords) func malformedBehindTheQuestion(_ row: Row) {
        let reading = Reading(row.packet)
        #expect(reading.acceptance == .rejected(.formatError, withQuestion: true))
        #expect(reading.name == "www.example.org.")
    }

    /// Paddings, cookies and long names make queries that node-cache's 512 octets cut.
    @Test func aQueryMayBeLongerThan512Octets() {
        var message = Message(asking: "www.example.org. A edns 4096")
        message.opt?.options = [0, 12, 0x03, 0x84] + [UInt8](repeating: 0, count: 900)
        let packet = message.encoded()
        #expect(packet.count > 900)
        #expect(Reading(packet).acceptance == .accepted)
    }

    @Test func namesOf255OctetsAreReadAnd256AreNot() {
        let label = String(repeating: "a", count: 63) + "."
        for (last, isRight) in [(61, true), (62, false)] {
            let name = label + label + label + String(repeating: "b", count: last) + "."
            let packet = Message(asking: "\(name) A").encoded()
            #expect((Reading(packet).acceptance == .accepted) == isRight)
        }
        let shortLabels = String(repeating: "a.", count: 127)
        #expect(Reading(Message(asking: "\(shortLabels) A").encoded()).acceptance == .accepted)
        #expect(Reading(Message(asking: "\(shortLabels)a. A").encoded()).acceptance != .accepted)
    }

    @Test func aReusedQueryForgetsTheOneBefore() {
        var query = Query()
        let rich = Message(asking: "www.example.org. A edns 4096 do").encoded()
        _ = query.read(rich.span, hashing: hashing)
        let before = (query.dnssecOK, query.udpLimit, query.nameSize, query.labelCount)
        #expect(before == (true, 1232, 17, 3))
        let poor = Message(asking: "x. TXT").encoded()
        _ = query.read(poor.span, hashing: hashing)
        let after = (query.dnssecOK, query.udpLimit, query.nameSize, query.labelCount)
        #expect(after == (false, 512, 3, 1))
    }

    /// What a client says it takes, and what it gets over UDP.
    @Test(arguments: [
        (nil, 512), (0, 512), (511, 512), (512, 512), (1000, 1000), (1232, 1232), (4096, 1232),
        (65_535, 1232),
    ])
    func sizesHaveAFloorAndACeiling(_ size: Int?, _ limit: Int) {
        let question = "www.example.org. A" + (size.map { " edns \($0)" } ?? "")
        #expect(Reading(Message(asking: question).encoded()).udpLimit == limit)
    }

    @Test func namesAreComparedInLowerCaseAndWhole() {
        var query = Query()
        let packet = Message(asking: "wWw.eXample.org. A").encoded()
        _ = query.read(packet.span, hashing: hashing)
        let stored = hex("03 'www' 07 'example' 03 'org' 00")
        let others = [hex("03 'wwx' 07 'example' 03 'org' 00"), Array(stored.dropLast())]
        let isEqual = query.nameEquals(stored.span, at: 0)
        #expect(isEqual)
        for other in others {
            let isEqual = query.nameEquals(other.span, at: 0)
            #expect(!isEqual)
        }
    }
}
