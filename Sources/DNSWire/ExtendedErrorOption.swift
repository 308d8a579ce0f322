// An extended DNS error with its text, as an EDNS option (RFC 8914, 2).

/// Why an answer is what it is, in a number and words.
package struct ExtendedErrorOption: Hashable, Sendable {
    /// The option's code.
    static let code: UInt16 = 15

    package let error: ExtendedError
    /// UTF-8; may be empty.
    package let text: [UInt8]

    package init(_ error: ExtendedError, text: [UInt8] = []) {
        self.error = error
        self.text = text
    }

    /// Finds the first such option in an OPT record; nil when it has none.
    init?(in opt: Record, of message: Span<UInt8>) {
        var at = opt.data.lowerBound
        while at + 4 <= opt.data.upperBound {
            let end = at + 4 + Int(message.uint16(at: at + 2))
            guard end <= opt.data.upperBound else { return nil }
            if message.uint16(at: at) == Self.code, end - at >= 6 {
                self.init(
                    ExtendedError(rawValue: message.uint16(at: at + 4)),
                    text: message.array(at + 6..<end)
                )
                return
            }
            at = end
        }
        return nil
    }

    /// The option's octets behind code and length.
    var data: [UInt8] {
        [UInt8(truncatingIfNeeded: error.rawValue >> 8), UInt8(truncatingIfNeeded: error.rawValue)] + text
    }
}

extension ReplyWriter {
    /// Adds an option to the OPT record of a finished reply, `reply[..<size]`; returns the new size. Without an OPT
    /// record at its end, or without room within `limit`, the reply stays as it is.
    package static func addOption(
        _ code: UInt16,
        _ data: Span<UInt8>,
        to reply: inout MutableSpan<UInt8>,
        size: Int,
        limit: Int,
        questionEnd: Int
    ) -> Int {
        let end = size + 4 + data.count
        guard end <= min(limit, reply.count),
            let length = optLength(Span(_mutableSpan: reply), questionEnd, size)
        else { return size }
        reply.store(code, at: size)
        reply.store(UInt16(truncatingIfNeeded: data.count), at: size + 2)
        reply.copy(data, 0..<data.count, to: size + 4)
        let before = Span(_mutableSpan: reply).uint16(at: length)
        reply.store(before + UInt16(truncatingIfNeeded: 4 + data.count), at: length)
        return end
    }

    /// Adds an extended error where there is an OPT record: a client that sent none speaks no EDNS, and must not be
    /// answered with it (RFC 6891, 7).
    package static func add(
        _ option: ExtendedErrorOption,
        to reply: inout MutableSpan<UInt8>,
        size: Int,
        limit: Int,
        questionEnd: Int
    ) -> Int {
        addOption(
            ExtendedErrorOption.code,
            option.data.span,
            to: &reply,
            size: size,
            limit: limit,
            questionEnd: questionEnd
        )
    }

    /// Where the length of the OPT record stands, if that is the last record.
    private static func optLength(_ reply: Span<UInt8>, _ questionEnd: Int, _ size: Int) -> Int? {
        var cursor = RecordCursor(at: questionEnd)
        while cursor.offset < size, let record = cursor.next(in: reply) {
            if record.type == .opt, record.data.upperBound == size { return record.data.lowerBound - 2 }
        }
        return nil
    }
}
