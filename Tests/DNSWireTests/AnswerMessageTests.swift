import TestSupport
import Testing

@testable import DNSWire

@Suite struct AnswerMessageTests {
    private static let question = Message(asking: "wWw.Example.org. A")

    private static func answer(_ lines: String...) -> Message { Message(answering: question, lines) }

    /// The prepared octets as a message again.
    private func read(_ answer: AnswerMessage) throws -> Message { try #require(Message(answer.wire)) }

    @Test func idIsZeroAndTheQuestionInLowerCase() throws {
        let answer = try AnswerMessage(Self.answer("NOERROR ra", "wWw.Example.org. 60 A 192.0.2.1").encoded())
        let message = try read(answer)
        #expect(message.id == 0)
        #expect(message.questions == [Message.Question("www.example.org.", .a)])
        // The owner was a pointer to the question and follows it.
        #expect(message.lines == ["www.example.org. 60 A 192.0.2.1"])
        #expect(message.flagNames == ["rd", "ra"])
    }

    @Test func placesOfAllTTLsAreKnown() throws {
        let answer = try AnswerMessage(
            Self.answer(
                "NOERROR ra",
                "www.example.org. 7 CNAME x.example.org.",
                "x.example.org. 8 A 192.0.2.1",
                "authority example.org. 9 NS ns.example.org.",
                "additional ns.example.org. 10 AAAA 2001:db8::1"
            ).encoded()
        )
        #expect(answer.ttlOffsets.map { answer.wire.span.uint32(at: Int($0)) } == [7, 8, 9, 10])
        #expect(answer.summary.smallestTTL == 7 && answer.summary.answers == 2)
        #expect(answer.summary.hasNSInAuthority && !answer.summary.hasSOA)
    }

    // MARK: OPT

    /// Where the OPT record stands among two other additional records; nil for nowhere.
    @Test(arguments: [nil, 0, 1, 2], [true, false])
    func theOPTRecordIsTakenOut(_ place: Int?, _ compressed: Bool) throws {
        var message = Self.answer(
            "NOERROR ra",
            "www.example.org. 60 SRV 0 5 53 ns.example.org.",
            "authority example.org. 300 SOA ns.example.org. mail.example.org. 1 2 3 4 5",
            "additional ns.example.org. 30 A 192.0.2.1",
            "additional www.example.org. 40 MX 5 ns.example.org."
        )
        var bytes = message.encoded(compressed: compressed)
        if let place {
            // Cut the records off, put OPT between them, and keep the pointers, which lead to the question.
            let tails = message.additional.map { entry in
                var one = Message()
                one.questions = message.questions
                one.additional = [entry]
                return Array(one.encoded(compressed: compressed)[(12 + 17 + 4)...])
            }
            bytes.removeLast(tails.reduce(0) { $0 + $1.count })
            var parts = tails
            var opt = Message.OPT()
            opt.flags = 0x8000
            opt.options = hex("00 0a 00 02 be ef")
            parts.insert(opt.encoded, at: place)
            bytes += parts.joined()
            bytes[11] = 3
        }
        let answer = try AnswerMessage(bytes)
        #expect(answer.summary.dnssecOK == (place != nil))
        message.id = 0
        message.questions[0].name = "www.example.org."
        #expect(try read(answer) == message)
        #expect(answer.ttlOffsets.map { answer.wire.span.uint32(at: Int($0)) } == [60, 300, 30, 40])
    }

    /// A pointer behind the OPT record to a name behind the OPT record: the message is written anew.
    @Test func namesBehindTheOPTRecordAreExpanded() throws {
        let bytes = hex(
            """
            00 00 81 80 00 01 00 00 00 00 00 03   # one question, three additional records
            01 'x' 00 00 01 00 01
            00 00 29 04 d0 00 00 00 00 00 00      # OPT at 19
            02 'ns' c0 0c 00 01 00 01 00 00 00 1e 00 04 c0 00 02 01   # ns.x at 30
            c0 1e 00 0f 00 01 00 00 00 28 00 06 00 05 01 'm' c0 1e    # MX, owner and data point there
            """
        )
        let answer = try AnswerMessage(bytes)
        #expect(
            try read(answer).lines == ["additional ns.x. 30 A 192.0.2.1", "additional ns.x. 40 MX 5 m.ns.x."]
        )
    }

    @Test func theUpperBitsOfTheCodeComeFromTheOPTRecord() throws {
        let answer = try AnswerMessage(Self.answer("BADCOOKIE ra").encoded())
        #expect(answer.responseCode.rawValue == 23)
        #expect(try read(answer).opt == nil)
    }

    @Test func allOPTRecordsAreTakenOut() throws {
        var message = Self.answer("NOERROR ra", "www.example.org. 60 A 192.0.2.1")
        message.opt = Message.OPT()
        var bytes = message.encoded()
        bytes += Message.OPT().encoded
        bytes[11] = 2
        let answer = try AnswerMessage(bytes)
        #expect(try read(answer).lines == message.lines)
        #expect(answer.ttlOffsets.count == 1)
    }

    @Test func anOPTRecordAmongTheAnswersIsMalformed() {
        var bytes = Self.answer("NOERROR ra").encoded() + Message.OPT().encoded
        bytes[7] = 1
        #expect(throws: AnswerMessage.Flaw.records) { try AnswerMessage(bytes) }
    }

    // MARK: What is no answer

    @Test func octetsBehindTheLastRecordAreCutOff() throws {
        let clean = Self.answer("NOERROR ra", "www.example.org. 60 A 192.0.2.1").encoded()
        #expect(try AnswerMessage(clean + hex("de ad be ef")).wire == AnswerMessage(clean).wire)
    }

    @Test func everyPromisedRecordMustBeThere() {
        let whole = Self.answer(
            "NOERROR ra",
            "www.example.org. 60 A 192.0.2.1",
            "www.example.org. 60 A 192.0.2.2"
        )
        .encoded()
        // Also a cut at a record's border, as a small receive buffer makes it (specification, chapter 7, 33).
        for size in 33..<whole.count {
            #expect(throws: AnswerMessage.Flaw.records) { try AnswerMessage(Array(whole[..<size])) }
        }
    }

    /// Owners behind `x. A`, at 19: to itself, forward, into the header, past the end, in a circle.
    @Test(arguments: ["c0 13", "c0 20", "c0 04", "ff ff", "01 'a' c0 13"])
    func ownersWithBadPointersAreMalformed(_ owner: String) {
        let start = hex("00 00 81 80 00 01 00 01 00 00 00 00  01 'x' 00 00 01 00 01")
        let message = start + hex(owner) + hex("00 01 00 01 00 00 00 3c 00 04 c0 00 02 01")
        #expect(throws: AnswerMessage.Flaw.records) { try AnswerMessage(message) }
    }

    @Test(arguments: [
        ("", AnswerMessage.Flaw.short), ("00 00 81 80 00 01 00 00 00 00 00", .short),
        ("00 00 01 00 00 01 00 00 00 00 00 00  00 00 01 00 01", .notAResponse),
        ("00 00 81 80 00 00 00 00 00 00 00 00", .questions),
        ("00 00 81 80 00 02 00 00 00 00 00 00  00 00 01 00 01  00 00 01 00 01", .questions),
        ("00 00 81 80 00 01 00 00 00 00 00 00  01 'x' 00 00 01 00", .questions),
        ("00 00 81 80 00 01 00 00 00 00 00 00  c0 00 00 01 00 01", .questions),
        ("00 00 81 80 00 01 00 00 00 00 00 00  c0 0c 00 01 00 01", .questions),
        ("00 00 81 80 00 01 00 00 00 00 00 00  41 'x' 00 00 01 00 01", .questions),
    ])
    func otherMessagesAreNone(_ text: String, _ flaw: AnswerMessage.Flaw) {
        #expect(throws: flaw) { try AnswerMessage(hex(text)) }
    }

    @Test func aQuestionLongerThanANameIsNone() {
        let name = String(repeating: "a.", count: 128)
        var message = Self.answer("NOERROR ra")
        message.questions[0].name = name
        #expect(throws: AnswerMessage.Flaw.questions) { try AnswerMessage(message.encoded()) }
    }

    // MARK: Facts

    /// A TTL with its first bit set counts as zero (RFC 2181, 8).
    @Test(
        arguments: [(0, 0), (1, 1), (0x7fff_ffff, 0x7fff_ffff), (0x8000_0000, 0), (0xffff_ffff, 0)]
            as [(UInt32, UInt32)]
    )
    func aTTLWithItsFirstBitSetIsZero(_ ttl: UInt32, _ smallest: UInt32) throws {
        let answer = try AnswerMessage(
            Self.answer("NOERROR ra", "www.example.org. \(ttl) A 192.0.2.1").encoded()
        )
        #expect(answer.summary.smallestTTL == smallest)
    }

    @Test func anAnswerWithoutRecordsHasNoTTL() throws {
        let answer = try AnswerMessage(Self.answer("SERVFAIL ra").encoded())
        #expect(answer.summary == AnswerMessage.Summary())
        #expect(answer.responseCode == .serverFailure && answer.ttlOffsets.isEmpty)
    }

    @Test func truncationIsSeen() throws {
        #expect(try AnswerMessage(Self.answer("NOERROR tc ra").encoded()).summary.isTruncated)
    }

    /// Signatures given as (expiration, inception), and the time in which all are valid.
    @Test(
        arguments: [
            (["2000 1000"], 1000, 2000, false), (["2000 1000", "3000 1500"], 1500, 2000, false),
            (["2000 1000", "4000 3000"], 1000, 2000, true), (["1000 2000"], 0, UInt32.max, true),
        ] as [([String], UInt32, UInt32, Bool)]
    )
    func signaturesHaveACommonTime(
        _ row: (signatures: [String], from: UInt32, until: UInt32, contradict: Bool)
    ) throws {
        let records = row.signatures.map { "www.example.org. 60 RRSIG \($0)" }
        let message = Message(answering: Self.question, ["NOERROR ra"] + records)
        let summary = try AnswerMessage(message.encoded()).summary
        #expect(summary.signaturesContradict == row.contradict)
        if !row.contradict || row.from != 0 { #expect(summary.signaturesValid == row.from...row.until) }
    }
}
