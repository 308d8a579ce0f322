import Testing

@testable import Dnstap

@Suite("Frame Streams")
struct FrameStreamTests {
    /// Escape, length, kind; a field: kind, length, value.
    private static let ready =
        [0, 0, 0, 0, 0, 0, 0, 34, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 22] + Array("protobuf:dnstap.Dnstap".utf8)

    @Test("Both sides agree, then data flow until both have said that it is enough")
    func conversation() throws {
        var stream = FrameStream()
        #expect(stream.greeting == Self.ready)
        let start = try stream.receive(FrameStream.encoded(.accept))
        #expect(start == FrameStream.encoded(.start) && stream.state == .streaming)
        #expect(FrameStream.frame([1, 2, 3]) == [0, 0, 0, 3, 1, 2, 3])
        #expect(stream.stop() == [0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 3])
        #expect(stream.state == .awaitingFinish)
        #expect(try stream.receive(FrameStream.encoded(.finish)).isEmpty)
        #expect(stream.state == .finished)
    }

    @Test("Frames may come in pieces")
    func pieces() throws {
        var stream = FrameStream()
        let accept = FrameStream.encoded(.accept)
        for octet in accept.dropLast() { #expect(try stream.receive([octet]).isEmpty) }
        #expect(try stream.receive([accept[accept.count - 1]]) == FrameStream.encoded(.start))
    }

    @Test("A receiver of something else is refused, one that leaves it open is not")
    func content() throws {
        var stream = FrameStream()
        let other = [0, 0, 0, 0, 0, 0, 0, 15, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3] + Array("abc".utf8)
        #expect(throws: FrameStream.Flaw(description: "the receiver does not take dnstap")) {
            try stream.receive(other.map { UInt8($0) })
        }
        var open = FrameStream()
        #expect(try open.receive([0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1]) == FrameStream.encoded(.start))
    }

    @Test(
        "What is no control frame, or comes out of turn, ends the connection",
        arguments: [
            Array("HTTP/1.1 400".utf8), [0, 0, 0, 0, 255, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 2],
            [0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 9], FrameStream.encoded(.ready),
        ]
    )
    func nonsense(octets: [UInt8]) {
        var stream = FrameStream()
        #expect(throws: FrameStream.Flaw(description: "the receiver does not speak Frame Streams")) {
            try stream.receive(octets)
        }
    }
}
