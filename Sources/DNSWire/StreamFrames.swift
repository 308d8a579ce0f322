// The two-octet length in front of each message on a stream (RFC 1035, 4.2.2). Whole messages are handed
// on where they lie in what was read; only one that is split between two reads is copied.

/// Cuts a stream of octets into messages.
package struct StreamFrames: ~Copyable {
    /// The beginning of a message whose rest has not arrived.
    private var pending: [UInt8] = []

    package init() {}

    /// Whether the stream stands inside a message.
    package var isInsideMessage: Bool { !pending.isEmpty }

    /// Takes what was read and calls `body` with each whole message.
    package mutating func read(_ input: Span<UInt8>, _ body: (Span<UInt8>) -> Void) {
        var at = 0
        if !pending.isEmpty { at = complete(from: input, body) }
        while input.count - at >= 2 {
            let end = at + 2 + Int(input.uint16(at: at))
            guard end <= input.count else { break }
            body(input.extracting((at + 2)..<end))
            at = end
        }
        if at < input.count { pending.append(contentsOf: input.array(at..<input.count)) }
    }

    /// Completes the pending message if `input` suffices; says how much of `input` was used.
    private mutating func complete(from input: Span<UInt8>, _ body: (Span<UInt8>) -> Void) -> Int {
        var at = 0
        while pending.count < 2, at < input.count {
            pending.append(input[at])
            at += 1
        }
        guard pending.count >= 2 else { return at }
        let end = 2 + Int(pending[0]) << 8 + Int(pending[1])
        let taken = min(end - pending.count, input.count - at)
        pending.append(contentsOf: input.array(at..<(at + taken)))
        guard pending.count == end else { return at + taken }
        body(pending.span.extracting(2..<end))
        pending.removeAll(keepingCapacity: true)
        return at + taken
    }
}
