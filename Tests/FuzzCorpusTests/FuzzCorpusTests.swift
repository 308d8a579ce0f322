// Every packet of the corpus, and every packet near it: cut at each place, changed at each place, and mixed.
// Nothing may trap, and what we write in reply must be a message.

import DNSWire
import TestSupport
import Testing

private let hashing = NameHash(key: 0x0123_4567_89ab_cdef, multiplier: 0x9e37_79b9_7f4a_7c15)

/// `packet` itself, all its beginnings, all changes of one octet to a telling value, and some hundred packets
/// with several changes, the same in every run.
private func neighbours(of packet: [UInt8]) -> [[UInt8]] {
    var result = [packet]
    result += packet.indices.map { Array(packet[..<$0]) }
    for index in packet.indices {
        let octet = packet[index]
        let changes =
            [0, 1, 0x0c, 0x3f, 0x40, 0x80, 0xc0, 0xff, octet &+ 1, octet &- 1]
            + (0..<8).map { octet ^ (1 << $0) }
        for changed in Set(changes) where changed != octet {
            var packet = packet
            packet[index] = changed
            result.append(packet)
        }
    }
    var generator = SeededGenerator(seed: UInt64(packet.count))
    for _ in 0..<400 {
        var packet = packet
        for _ in 0..<Int.random(in: 2...6, using: &generator) {
            let at = Int.random(in: packet.indices, using: &generator)
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: packet[at] = UInt8.random(in: .min ... .max, using: &generator)
            case 1: packet.insert(UInt8.random(in: .min ... .max, using: &generator), at: at)
            default: if packet.count > 1 { packet.remove(at: at) }
            }
        }
        result.append(packet)
    }
    return result
}

@Suite struct QueryCorpusTests {
    @Test(arguments: FixtureFiles.all(in: "fuzz/query", endingIn: "hex"))
    func everyReplyIsAMessage(_ file: FixtureFiles.File) {
        let original = hex(file.text)
        var query = Query()
        var buffer = [UInt8](repeating: 0, count: Limits.ednsUDPSize)
        var accepted = 0
        for packet in neighbours(of: original) {
            let code: ResponseCode
            let withQuestion: Bool
            switch query.read(packet.span, hashing: hashing) {
            case .ignored: continue
            case .accepted: (code, withQuestion) = (.serverFailure, true)
            case .rejected(let rejected, let question): (code, withQuestion) = (rejected, question)
            }
            var output = buffer.mutableSpan
            let size = ReplyWriter.writeError(
                code,
                to: query,
                packet: packet.span,
                withQuestion: withQuestion,
                extendedError: .other,
                into: &output
            )
            guard let reply = Message(Array(buffer[..<size])) else {
                Issue.record("no message for \(hexText(packet)): \(hexText(buffer[..<size]))")
                continue
            }
            let isRight = reply.flags & 0x8000 != 0 && Array(buffer[..<2]) == Array(packet[..<2])
            if !isRight { Issue.record("a wrong header for \(hexText(packet))") }
            guard code == .serverFailure else { continue }
            accepted += 1
            let forwarded = QueryMessage.forwarding(query, packet: packet.span)
            if Message(forwarded)?.questions != reply.questions {
                Issue.record("another question for \(hexText(packet)): \(hexText(forwarded))")
            }
        }
        #expect(accepted > 0 || file.name == "notify")
    }
}

@Suite struct ResponseCorpusTests {
    @Test(arguments: FixtureFiles.all(in: "fuzz/response", endingIn: "hex"))
    func everyAnswerCanBeGivenOut(_ file: FixtureFiles.File) {
        for octets in neighbours(of: hex(file.text)) {
            guard let answer = try? AnswerMessage(octets) else { continue }
            // Names are skipped, not read: what had a bad pointer still has. All else must come out whole.
            let isSound = Message(answer.wire) != nil
            if !isSound, Message(Self.asPromised(octets)) != nil {
                Issue.record("spoilt: \(hexText(octets)) became \(hexText(answer.wire))")
            }
            for limit in [33, 64, 512, 1232, 65_535] { giveOut(answer, within: limit, isSound: isSound) }
        }
    }

    /// The answer as the reply to its own question, with OPT and an extended error.
    private func giveOut(_ answer: AnswerMessage, within limit: Int, isSound: Bool) {
        guard let end = NameScan.plainEnd(of: Limits.headerSize, in: answer.wire.span) else {
            Issue.record("an answer without question: \(hexText(answer.wire))")
            return
        }
        let header = hex("2a 17 01 00 00 01 00 00 00 00 00 01")
        let packet = header + answer.wire[12..<(end + 4)] + Message.OPT().encoded
        var query = Query()
        let acceptance = query.read(packet.span, hashing: hashing)
        guard acceptance == .accepted else {
            Issue.record("not a question: \(hexText(packet))")
            return
        }
        let room = max(limit, packet.count + 6)
        var buffer = [UInt8](repeating: 0, count: room)
        var output = buffer.mutableSpan
        let style = ReplyStyle(timeToLive: 7, isAuthoritative: true, limit: room, extendedError: .staleAnswer)
        let size = ReplyWriter.write(
            answer.wire.span,
            ttlOffsets: answer.ttlOffsets.span,
            extendedCode: answer.responseCode.rawValue >> 4,
            to: query,
            packet: packet.span,
            style: style,
            into: &output
        )
        guard isSound else { return }
        let reply = Message(Array(buffer[..<size]))
        let entries = (reply?.answers ?? []) + (reply?.authority ?? []) + (reply?.additional ?? [])
        let isRight = size <= room && reply?.opt != nil && entries.allSatisfy { $0.timeToLive == 7 }
        if !isRight { Issue.record("a bad reply: \(hexText(buffer[..<size]))") }
    }

    /// Without octets that belong to no record, which the tests' own reader does not take.
    private static func asPromised(_ octets: [UInt8]) -> [UInt8] {
        guard octets.count >= 12, let nameEnd = NameScan.end(of: 12, in: octets.span) else { return octets }
        var cursor = RecordCursor(at: nameEnd + 4)
        for place in [6, 8, 10] {
            for _ in 0..<Int(octets.span.uint16(at: place)) where cursor.next(in: octets.span) == nil {
                return octets
            }
        }
        return Array(octets[..<min(cursor.offset, octets.count)])
    }
}
