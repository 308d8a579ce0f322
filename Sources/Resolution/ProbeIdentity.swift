// The one question that we answer about ourselves: the supervisor asks it through the real path, and knows by
// the token in the answer that it was its own worker who spoke, not a neighbour on the same port.

package import DNSWire

/// Answers `probe.node-local-dns. CH TXT` with the instance's token.
package struct ProbeIdentity: Sendable {
    /// The name that is asked.
    package static let name = DomainName("probe.node-local-dns")
    private static let wire = name?.wire ?? []
    private let token: [UInt8]

    /// `token` is at most 63 octets of ASCII; longer ones are cut.
    package init(token: String) {
        self.token = Array(token.utf8.prefix(63))
    }

    /// Writes the answer when `query` is the probe; nil otherwise.
    func answer(_ query: borrowing Query, packet: Span<UInt8>, into output: inout MutableSpan<UInt8>) -> Int?
    {
        guard query.recordClass == .chaos, query.type == .txt, query.nameEquals(Self.wire.span, at: 0),
            query.nameSize == Self.wire.count
        else { return nil }
        var at = query.questionEnd
        output.copy(packet, 0..<at, to: 0)
        output.store(HeaderFlags.response | HeaderFlags.authoritative, at: 2)
        for (offset, count) in [(4, 1), (6, 1), (8, 0), (10, 0)] { output.store(UInt16(count), at: offset) }
        output.store(UInt16(0xc00c), at: at)
        output.store(RecordType.txt.rawValue, at: at + 2)
        output.store(RecordClass.chaos.rawValue, at: at + 4)
        output.store(UInt32(0), at: at + 6)
        output.store(UInt16(token.count + 1), at: at + 10)
        output[at + 12] = UInt8(token.count)
        at += 13
        for (index, byte) in token.enumerated() { output[at + index] = byte }
        return at + token.count
    }
}
