import DNSWire
import TestSupport
import Testing

@Suite struct ReplyWriterTests {
    private static let records = [
        "www.example.org. 60 A 192.0.2.1", "www.example.org. 60 A 192.0.2.2",
        "authority example.org. 60 NS ns.example.org.", "additional ns.example.org. 60 A 192.0.2.53",
    ]

    /// A stored answer with these flags.
    private func stored(_ flags: String = "NOERROR ra", _ records: [String] = records) throws -> AnswerMessage
    {
        let message = Message(answering: Message(asking: "www.example.org. A nord"), [flags] + records)
        return try AnswerMessage(message.encoded())
    }

    private func style(_ ttl: UInt32? = nil, hit: Bool = true, limit: Int = 65_535) -> ReplyStyle {
        ReplyStyle(timeToLive: ttl, isAuthoritative: hit, limit: limit)
    }

    /// The reply to a question in words.
    private func reply(
        to question: String,
        _ answer: AnswerMessage,
        _ style: ReplyStyle
    ) throws -> Message {
        let packet = Message(asking: question).encoded()
        return try #require(Message(DNSWireTests.reply(with: answer, to: packet, style: style)))
    }

    // MARK: Known answers

    @Test func theAskersIdAndSpelling() throws {
        let message = try reply(to: "wWw.eXample.oRg. A", stored(), style())
        #expect(message.id == 0x2a17)
        #expect(message.questions == [Message.Question("wWw.eXample.oRg.", .a)])
        // Owners that point to the question are in its spelling, the others as upstream wrote them.
        #expect(message.answers.map(\.name) == ["wWw.eXample.oRg.", "wWw.eXample.oRg."])
        #expect(message.authority.map(\.name) == ["example.org."])
    }

    /// The table of header bits (node-cache's specification, 5.6, with chapter 7's own AD for each reply):
    /// what is stored, what is asked, what goes out as a hit and as a miss.
    @Test(arguments: [
        ("NOERROR", "", "aa rd", "rd"),
        ("NOERROR", "nord", "aa", ""),
        ("NOERROR aa ra", "", "aa rd ra", "aa rd ra"),
        ("NOERROR ra z", "", "aa rd ra", "rd ra"),  // Z is nobody's
        ("NOERROR ra cd", "", "aa rd ra", "rd ra"),  // CD is the asker's
        ("NOERROR ra", "cd", "aa rd ra cd", "rd ra cd"),
        ("NOERROR ra ad", "", "aa rd ra", "rd ra"),  // AD only for those who ask for it
        ("NOERROR ra ad", "ad", "aa rd ra ad", "rd ra ad"),
        ("NOERROR ra ad", "do", "aa rd ra ad", "rd ra ad"),
        ("NOERROR ra", "ad", "aa rd ra", "rd ra"),
        ("NOERROR tc ra", "", "aa tc rd ra", "tc rd ra"),
    ])
    func headerBits(_ stored: String, _ asked: String, _ hit: String, _ miss: String) throws {
        for (isHit, flags) in [(true, hit), (false, miss)] {
            let message = try reply(to: "www.example.org. A \(asked)", self.stored(stored), style(hit: isHit))
            #expect(message.flagNames == Set(flags.split(separator: " ").map(String.init)))
            #expect(message.flags & 0xf800 == 0x8000)
        }
    }

    @Test(arguments: ["NOERROR", "SERVFAIL", "NXDOMAIN", "REFUSED"])
    func theCodeIsTheStoredOne(_ code: String) throws {
        #expect(try reply(to: "www.example.org. A", stored(code), style()).code.description == code)
    }

    @Test func everyTTLIsReplacedOrNone() throws {
        let ttls = { (message: Message) in
            (message.answers + message.authority + message.additional).map(\.timeToLive)
        }
        #expect(ttls(try reply(to: "www.example.org. A", stored(), style(18))) == [18, 18, 18, 18])
        #expect(ttls(try reply(to: "www.example.org. A", stored(), style(nil))) == [60, 60, 60, 60])
        #expect(ttls(try reply(to: "www.example.org. A", stored(), style(0))) == [0, 0, 0, 0])
    }

    // MARK: EDNS

    @Test func theReplyHasAnOPTRecordWhenTheQueryHadOne() throws {
        #expect(try reply(to: "www.example.org. A", stored(), style()).opt == nil)
        var expected = Message.OPT()
        expected.size = 1232  // our own, whatever the client's
        #expect(try reply(to: "www.example.org. A edns 4096", stored(), style()).opt == expected)
        expected.flags = 0x8000
        #expect(try reply(to: "www.example.org. A edns 512 do", stored(), style()).opt == expected)
    }

    @Test func noOptionAndNoReservedBitIsEchoed() throws {
        var question = Message(asking: "www.example.org. A edns 1232")
        question.opt?.flags = 0x7fff
        question.opt?.options = hex("00 0a 00 08 01 02 03 04 05 06 07 08  00 0c 00 02 00 00  ff fe 00 00")
        let reply = DNSWireTests.reply(with: try stored(), to: question.encoded(), style: style())
        #expect(try #require(Message(reply)).opt == Message.OPT())
    }

    @Test func theExtendedCodeGoesIntoTheOPTRecord() throws {
        let badCookie = try stored("BADCOOKIE")
        #expect(try reply(to: "www.example.org. A edns 1232", badCookie, style()).code.rawValue == 23)
        // Without OPT the lower four bits are all there is room for.
        #expect(try reply(to: "www.example.org. A", badCookie, style()).code.rawValue == 7)
    }

    @Test func anExtendedErrorIsAnOption() throws {
        var style = style()
        style.extendedError = .staleAnswer
        #expect(try reply(to: "www.example.org. A edns 1232", stored(), style).extendedError == 3)
        #expect(try reply(to: "www.example.org. A", stored(), style).opt == nil)
    }

    // MARK: Truncation

    /// Sixty addresses of 16 octets each behind 33 octets of header and question.
    @Test(arguments: [
        ("", 512, 29), ("edns 512", 512, 29), ("edns 1000", 1000, 59), ("edns 1232", 1232, 60), ("", 33, 0),
        ("", 48, 0),
        ("", 49, 1), ("edns 1232", 44, 0), ("edns 1232", 59, 0), ("edns 1232", 60, 1),
    ])
    func recordsAreCutFromTheEnd(_ options: String, _ limit: Int, _ kept: Int) throws {
        let addresses = (1...60).map { "www.example.org. 60 A 192.0.2.\($0)" }
        let packet = Message(asking: "www.example.org. A \(options)").encoded()
        let bytes = DNSWireTests.reply(
            with: try stored("NOERROR", addresses),
            to: packet,
            style: style(7, limit: limit)
        )
        let message = try #require(Message(bytes))
        #expect(bytes.count <= limit)
        #expect(message.answers.count == kept)
        #expect(message.flagNames.contains("tc") == (kept < 60))
        #expect((message.opt != nil) == !options.isEmpty)
        #expect(message.answers.allSatisfy { $0.timeToLive == 7 })
    }

    /// The sections in the order in which they lose records, one more octet at a time.
    @Test func theAnswerSectionIsTheLastToLoseRecords() throws {
        let answer = try stored()
        let packet = Message(asking: "www.example.org. A").encoded()
        let whole = DNSWireTests.reply(with: answer, to: packet, style: style())
        var seen: [[Int]] = []
        for limit in stride(from: whole.count, through: 33, by: -1) {
            let bytes = DNSWireTests.reply(with: answer, to: packet, style: style(limit: limit))
            let message = try #require(Message(bytes))
            let counts = [message.answers.count, message.authority.count, message.additional.count]
            if seen.last != counts { seen.append(counts) }
            #expect(message.flagNames.contains("tc") == (counts != [2, 1, 1]))
        }
        #expect(seen == [[2, 1, 1], [2, 1, 0], [2, 0, 0], [1, 0, 0], [0, 0, 0]])
    }

    @Test func theBufferIsALimitToo() throws {
        let packet = Message(asking: "www.example.org. A").encoded()
        let answer = try stored()
        let bytes = DNSWireTests.reply(to: packet, room: 60) { query, output in
            ReplyWriter.write(
                answer.wire.span,
                ttlOffsets: answer.ttlOffsets.span,
                extendedCode: 0,
                to: query,
                packet: packet.span,
                style: style(),
                into: &output
            )
        }
        #expect(try #require(Message(bytes)).answers.count == 1)
    }

    // MARK: Replies of our own

    /// What we refuse, and the words of the reply: id, opcode and RD echoed, question and OPT as far as read.
    @Test(arguments: [
        (ResponseCode.serverFailure, "www.example.org. A", "rd", 1, false),
        (.refused, "www.example.org. A nord cd", "cd", 1, false),
        (.refused, "www.example.org. A ad do", "rd", 1, true),
        (.badVersion, "www.example.org. A edns 4096", "rd", 1, true),
    ])
    func errors(_ row: (code: ResponseCode, asked: String, flags: String, questions: Int, opt: Bool)) throws {
        let packet = Message(asking: row.asked).encoded()
        let bytes = DNSWireTests.reply(to: packet) { query, output in
            ReplyWriter.writeError(row.code, to: query, packet: packet.span, into: &output)
        }
        let message = try #require(Message(bytes))
        #expect(message.id == 0x2a17 && message.code == row.code)
        #expect(message.flagNames == Set(row.flags.split(separator: " ").map(String.init)))
        #expect(message.questions.count == row.questions && message.lines.isEmpty)
        #expect((message.opt != nil) == row.opt)
    }

    @Test func anErrorWithoutQuestionIsTwelveOctets() {
        let packet = hex("2a 17 29 10 00 01 00 00 00 00 00 00 01 'x' 00 00 06 00 01")  // UPDATE with RD, CD
        let bytes = DNSWireTests.reply(to: packet) { query, output in
            ReplyWriter.writeError(
                .notImplemented,
                to: query,
                packet: packet.span,
                withQuestion: false,
                into: &output
            )
        }
        #expect(bytes == hex("2a 17 a9 14 00 00 00 00 00 00 00 00"))
    }

    @Test func anErrorSaysWhy() throws {
        let packet = Message(asking: "www.example.org. A edns 1232").encoded()
        let bytes = DNSWireTests.reply(to: packet) { query, output in
            ReplyWriter.writeError(
                .serverFailure,
                to: query,
                packet: packet.span,
                extendedError: .noReachableAuthority,
                into: &output
            )
        }
        #expect(try #require(Message(bytes)).extendedError == 22)
    }
}
