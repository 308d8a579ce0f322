// The sending side of a Frame Streams connection (https://farsightsec.github.io/fstrm/): both sides agree on what
// the frames hold, then data flow one way. Pure: octets in, octets and news out.

/// One connection's state.
struct FrameStream {
    /// What frames hold; both sides must say so.
    static let contentType = Array("protobuf:dnstap.Dnstap".utf8)

    /// Control frames are short; a longer one is no Frame Streams.
    static let largestControlFrame = 512

    enum State: Equatable {
        case awaitingAccept
        case streaming
        case awaitingFinish
        case finished
    }

    /// What a control frame is.
    enum Control: UInt32 {
        case accept = 1
        case start = 2
        case stop = 3
        case ready = 4
        case finish = 5
    }

    /// Why the other side is no receiver of ours.
    struct Flaw: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    private(set) var state = State.awaitingAccept
    private var input: [UInt8] = []

    /// The first octets of a connection.
    var greeting: [UInt8] { Self.encoded(.ready) }

    /// Takes what was received; returns what is to be sent.
    mutating func receive(_ octets: some Sequence<UInt8>) throws(Flaw) -> [UInt8] {
        input += octets
        var reply: [UInt8] = []
        while let frame = try nextControlFrame() { reply += try handle(frame) }
        return reply
    }

    /// Ends the data; returns what is to be sent.
    mutating func stop() -> [UInt8] {
        guard state == .streaming else { return [] }
        state = .awaitingFinish
        return Self.encoded(.stop)
    }

    private mutating func handle(_ frame: ArraySlice<UInt8>) throws(Flaw) -> [UInt8] {
        let kind = Control(rawValue: Self.word(frame, at: frame.startIndex))
        switch (state, kind) {
        case (.awaitingAccept, .accept):
            guard Self.accepts(frame.dropFirst(4)) else {
                throw Flaw(description: "the receiver does not take dnstap")
            }
            state = .streaming
            return Self.encoded(.start)
        case (_, .finish):
            state = .finished
            return []
        default: throw Flaw(description: "the receiver does not speak Frame Streams")
        }
    }

    /// Behind an escape of four zero octets and its length.
    private mutating func nextControlFrame() throws(Flaw) -> ArraySlice<UInt8>? {
        guard input.count >= 8 else { return nil }
        let length = Int(Self.word(input[...], at: 4))
        guard Self.word(input[...], at: 0) == 0, (4...Self.largestControlFrame).contains(length) else {
            throw Flaw(description: "the receiver does not speak Frame Streams")
        }
        guard input.count >= 8 + length else { return nil }
        let frame = input[8..<8 + length]
        input.removeFirst(8 + length)
        return frame
    }

    /// Whether the fields of an ACCEPT frame name our content, or none.
    private static func accepts(_ fields: ArraySlice<UInt8>) -> Bool {
        var rest = fields
        if rest.isEmpty { return true }
        while rest.count >= 8 {
            let length = Int(word(rest, at: rest.startIndex + 4))
            guard rest.count >= 8 + length else { return false }
            let value = rest.dropFirst(8).prefix(length)
            if word(rest, at: rest.startIndex) == 1, value.elementsEqual(contentType) { return true }
            rest = rest.dropFirst(8 + length)
        }
        return false
    }
}

// MARK: - Octets

extension FrameStream {
    /// A data frame: its length, then the data.
    static func frame(_ data: [UInt8]) -> [UInt8] { octets(UInt32(truncatingIfNeeded: data.count)) + data }

    /// STOP and FINISH say nothing, the others what frames hold.
    static func encoded(_ control: Control) -> [UInt8] {
        var frame = octets(control.rawValue)
        if control != .stop, control != .finish {
            frame += octets(1) + octets(UInt32(contentType.count)) + contentType
        }
        return octets(0) + octets(UInt32(frame.count)) + frame
    }

    private static func octets(_ word: UInt32) -> [UInt8] {
        stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt32($0)) }
    }

    private static func word(_ octets: ArraySlice<UInt8>, at start: Int) -> UInt32 {
        octets[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
