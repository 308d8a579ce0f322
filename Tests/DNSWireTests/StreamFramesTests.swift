import DNSWire
import TestSupport
import Testing

/// The length in front of each message on a stream (RFC 1035, 4.2.2).
@Suite struct StreamFramesTests {
    /// Three messages, one of them empty, cut at every place.
    @Test(arguments: 0...9)
    func messagesAreWholeWhereverTheStreamIsCut(_ cut: Int) {
        let stream: [UInt8] = [
            0x00, 0x02, 0xaa, 0xbb,  // two octets
            0x00, 0x00,  // none
            0x00, 0x01, 0xcc,  // one
        ]
        var frames = StreamFrames()
        var messages: [[UInt8]] = []
        for part in [stream[..<cut], stream[cut...]] {
            frames.read(Array(part).span) { message in
                messages.append((0..<message.count).map { message[$0] })
            }
        }
        #expect(messages == [[0xaa, 0xbb], [], [0xcc]])
        #expect(frames.isInsideMessage == false)
    }

    @Test func octetByOctet() {
        var frames = StreamFrames()
        var count = 0
        for octet in [0x00, 0x03, 0x01, 0x02, 0x03, 0x00, 0x01] as [UInt8] {
            frames.read([octet].span) { count += $0.count }
        }
        #expect(count == 3)
        #expect(frames.isInsideMessage == true)
    }

    /// A length of 65535 octets in pieces, with another message behind it.
    @Test func theLongestMessage() {
        let long = [UInt8](repeating: 7, count: 65_535)
        let stream = hex("ff ff") + long + hex("00 01 aa")
        var frames = StreamFrames()
        var sizes: [Int] = []
        for start in stride(from: 0, to: stream.count, by: 4_096) {
            let part = Array(stream[start..<min(start + 4_096, stream.count)])
            frames.read(part.span) { sizes.append($0.count) }
        }
        #expect(sizes == [65_535, 1])
    }

    /// Many messages of every small size, cut at random places of a fixed seed.
    @Test func anyCutsGiveTheSameMessages() {
        let messages = (0..<200).map { number in [UInt8](repeating: UInt8(number), count: number % 19) }
        let stream = messages.flatMap { message -> [UInt8] in [0, UInt8(message.count)] + message }
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<50 {
            var frames = StreamFrames()
            var seen: [[UInt8]] = []
            var at = 0
            while at < stream.count {
                let end = min(stream.count, at + Int.random(in: 1...40, using: &generator))
                frames.read(Array(stream[at..<end]).span) { seen.append($0.array(0..<$0.count)) }
                at = end
            }
            #expect(seen == messages)
        }
    }
}
