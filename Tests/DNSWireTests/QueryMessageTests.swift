import DNSWire
import TestSupport
import Testing

/// What we ask others.
@Suite struct QueryMessageTests {
    private func forwarded(_ message: Message) -> [UInt8] {
        var query = Query()
        let packet = message.encoded()
        _ = query.read(packet.span, hashing: hashing)
        return QueryMessage.forwarding(query, packet: packet.span)
    }

    /// The client's question in its spelling, RD, AD and CD as it sent them, an OPT record of our own.
    @Test(arguments: [
        "wWw.example.org. A", "x. TXT nord cd", "x. AAAA ad edns 4096", "x. TXT CH do edns 512",
    ])
    func theQuestionIsTheClients(_ text: String) throws {
        let asked = Message(asking: text)
        let sent = try #require(Message(forwarded(asked)))
        #expect(sent.id == 0)
        #expect(sent.questions == asked.questions)
        #expect(sent.flags == asked.flags)
        var opt = Message.OPT()
        opt.flags = asked.opt?.flags ?? 0
        #expect(sent.opt == opt)
    }

    /// A cookie is between two neighbours (RFC 7873, 5.4), reserved flags are nobody's.
    @Test func optionsAndReservedFlagsStayHere() throws {
        var asked = Message(asking: "www.example.org. A edns 4096")
        asked.flags |= 0x06c0 & ~0x0200
        asked.opt?.flags = 0x7fff
        asked.opt?.options = hex("00 0a 00 08 01 02 03 04 05 06 07 08")
        let sent = try #require(Message(forwarded(asked)))
        #expect(sent.flagNames == ["rd"])
        #expect(sent.opt == Message.OPT())
    }

    @Test func questionsOfOurOwn() throws {
        let name = try #require(DomainName("4.2.example.org"))
        #expect(
            QueryMessage.question(name, .hinfo, id: 0x2a17)
                == hex(
                    "2a 17 01 00 00 01 00 00 00 00 00 00  01 '4' 01 '2' 07 'example' 03 'org' 00  00 0d 00 01"
                )
        )
        let chaos = QueryMessage.question(.root, .txt, class: .chaos, id: 1, recursionDesired: false)
        #expect(chaos == hex("00 01 00 00 00 01 00 00 00 00 00 00  00  00 10 00 03"))
    }
}
