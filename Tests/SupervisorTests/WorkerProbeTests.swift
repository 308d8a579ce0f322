// The probe as bytes: what is asked, and what counts as an answer.

import Supervisor
import Testing

@Suite struct ProbeQuestionTests {
    private static let question = ProbeQuestion(id: 0xa41f, token: "abc")

    @Test func asksForTheTokenInClassChaos() {
        #expect(
            Self.question.message == [
                0xa4, 0x1f, 0x00, 0x00,  // id; a query without RD
                0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // one question
                0x05, 0x70, 0x72, 0x6f, 0x62, 0x65,  // probe
                0x0e, 0x6e, 0x6f, 0x64, 0x65, 0x2d, 0x6c, 0x6f, 0x63,  // node-loc
                0x61, 0x6c, 0x2d, 0x64, 0x6e, 0x73, 0x00,  // al-dns, the root
                0x00, 0x10, 0x00, 0x03,  // TXT, CH
            ]
        )
    }

    /// The reply of a worker, with some octets replaced.
    private func reply(token: String = "abc", _ changes: (Int, UInt8)...) -> [UInt8] {
        var bytes = Self.question.message
        bytes[2] = 0x80  // a response
        bytes[7] = 1  // one answer
        // The question's name, TXT, CH, TTL 0, one string.
        let text = [UInt8(token.utf8.count)] + Array(token.utf8)
        bytes += [0xc0, 0x0c, 0x00, 0x10, 0x00, 0x03, 0, 0, 0, 0, 0, UInt8(text.count)] + text
        for (offset, value) in changes { bytes[offset] = value }
        return bytes
    }

    @Test func ourTokenIsAnAnswer() {
        #expect(Self.question.verdict(on: reply()) == .ours)
        #expect(
            Self.question.verdict(on: reply() + [0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0]) == .ours,
            "an OPT behind it"
        )
    }

    @Test func anotherAgentsAnswerIsToldFromSilence() {
        #expect(Self.question.verdict(on: reply(token: "abd")) == .anothers, "another agent's token")
        #expect(Self.question.verdict(on: reply(token: "xabc")) == .anothers, "a longer token")
        #expect(Self.question.verdict(on: reply((3, 0x05))) == .anothers, "REFUSED")
        #expect(Self.question.verdict(on: reply().dropLast()) == .anothers, "cut off")
    }

    @Test func nothingElseIs() {
        #expect(Self.question.verdict(on: []) == .nothing)
        #expect(Self.question.verdict(on: Array(reply().prefix(12))) == .nothing)
        #expect(Self.question.verdict(on: reply((0, 0xa5))) == .nothing, "another id")
        #expect(Self.question.verdict(on: reply((2, 0x00))) == .nothing, "a query")
    }
}
