// Whether a message answers a question. An attacker may guess an id; the question must be repeated as well
// (RFC 5452, 9.1), with its class, and the records must be as many as the header promises.

package import DNSWire
package import Resolution

/// What a message that arrived in answer to a question is.
package enum AnswerVerdict: Sendable, Hashable {
    case answers
    /// A truncated answer (TC); its records do not matter.
    case truncated
    /// A header without question that reports an error, as some servers send REFUSED or FORMERR.
    case bareError(ResponseCode)
    /// Not a response, or one to another question.
    case anotherQuestion
    /// Too short, or its records are broken or fewer than promised.
    case malformed

    /// The response code of the judged message; nil when it is no answer.
    func code(of message: Span<UInt8>) -> ResponseCode? {
        switch self {
        case .anotherQuestion, .malformed: nil
        case .bareError(let code): code
        case .answers, .truncated: HeaderFlags(rawValue: message.uint16(at: 2)).responseCode
        }
    }

    /// Whether the server has understood the question.
    package var isSound: Bool {
        switch self {
        case .answers, .truncated, .bareError: true
        case .anotherQuestion, .malformed: false
        }
    }
}

extension UpstreamQuery {
    /// Judges `message`; the id is the caller's matter.
    package func judge(_ message: Span<UInt8>) -> AnswerVerdict {
        guard message.count >= Limits.headerSize else { return .malformed }
        let flags = HeaderFlags(rawValue: message.uint16(at: 2))
        guard flags.has(HeaderFlags.response), flags.opcode == .query else { return .anotherQuestion }
        let questions = message.uint16(at: 4)
        if questions == 0, flags.responseCode != .noError {
            return .bareError(flags.responseCode)
        }
        guard questions == 1, repeatsQuestion(message) else { return .anotherQuestion }
        if flags.has(HeaderFlags.truncated) { return .truncated }
        let promised =
            Int(message.uint16(at: 6)) + Int(message.uint16(at: 8)) + Int(message.uint16(at: 10))
        var records = RecordCursor(at: questionEnd)
        for _ in 0..<promised where records.next(in: message) == nil { return .malformed }
        return .answers
    }

    /// The question with a response code: stands for a bare error.
    package func reply(with code: ResponseCode) -> [UInt8] {
        var reply = Array(message[..<questionEnd])
        let asked = UInt16(message[2]) << 8 | UInt16(message[3])
        let kept = asked & (HeaderFlags.recursionDesired | HeaderFlags.checkingDisabled)
        let flags = HeaderFlags.response | kept | code.rawValue & HeaderFlags.codeMask
        reply[2] = UInt8(truncatingIfNeeded: flags >> 8)
        reply[3] = UInt8(truncatingIfNeeded: flags)
        for index in 6..<Limits.headerSize { reply[index] = 0 }
        return reply
    }

    /// The name without regard to the case of letters, type and class exactly: their octets are no letters.
    private func repeatsQuestion(_ answer: Span<UInt8>) -> Bool {
        guard answer.count >= questionEnd else { return false }
        let question = message.span
        let nameEnd = questionEnd - 4
        for index in Limits.headerSize..<nameEnd
        where answer[index] != question[index]
            && answer[index].asciiLowercased != question[index].asciiLowercased
        {
            return false
        }
        return answer.uint32(at: nameEnd) == question.uint32(at: nameEnd)
    }
}
