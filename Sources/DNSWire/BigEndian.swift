// Numbers in network byte order inside spans, and the two bulk copies. When the toolchain has safe typed
// loads (SE-0525) and `MutableSpan.update(from:)`, this file becomes a few calls to them.

extension Span<UInt8> {
    /// The 16-bit number at `offset`, most significant octet first (RFC 1035, 2.3.2).
    @inlinable @inline(__always)
    package func uint16(at offset: Int) -> UInt16 {
        UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }

    /// The 32-bit number at `offset`, most significant octet first.
    @inlinable @inline(__always)
    package func uint32(at offset: Int) -> UInt32 {
        UInt32(uint16(at: offset)) << 16 | UInt32(uint16(at: offset + 2))
    }

    /// A copy with an owner of its own; traps when the range is not within the span.
    package func array(_ range: Range<Int>) -> [UInt8] {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        // SAFETY: the range was just checked, and the pointer does not leave the closure.
        return unsafe withUnsafeBufferPointer { octets in unsafe Array(octets[range]) }
    }
}

extension MutableSpan<UInt8> {
    @inlinable @inline(__always)
    package mutating func store(_ value: UInt16, at offset: Int) {
        self[offset] = UInt8(truncatingIfNeeded: value >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: value)
    }

    @inlinable @inline(__always)
    package mutating func store(_ value: UInt32, at offset: Int) {
        store(UInt16(truncatingIfNeeded: value >> 16), at: offset)
        store(UInt16(truncatingIfNeeded: value), at: offset + 2)
    }

    /// Copies `source[range]` to `offset`; traps when either side is too short.
    @inlinable @inline(__always)
    package mutating func copy(_ source: Span<UInt8>, _ range: Range<Int>, to offset: Int) {
        precondition(range.lowerBound >= 0 && range.upperBound <= source.count)
        precondition(offset >= 0 && offset + range.count <= count)
        // SAFETY: both ranges were just checked, and a mutable span overlaps no other span.
        unsafe source.withUnsafeBufferPointer { from in
            unsafe withUnsafeMutableBufferPointer { to in
                if let to = to.baseAddress, let from = from.baseAddress {
                    unsafe (to + offset).update(from: from + range.lowerBound, count: range.count)
                }
            }
        }
    }
}
