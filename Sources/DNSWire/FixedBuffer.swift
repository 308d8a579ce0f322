// Scratch memory of fixed size with one owner. `InlineArray` would do, but reading an element of one that
// lies in a borrowed value copies the whole array first (seen in 6.3.1: a kilobyte per label of a name).

import Glibc

/// Elements that are made once and overwritten for ever after.
@safe struct FixedBuffer<Element: BitwiseCopyable>: ~Copyable {
    // SAFETY: allocated and initialised by `init`, freed by `deinit`; every access is checked against `count`.
    private let base: UnsafeMutablePointer<Element>
    let count: Int

    /// Elements behind the last one, so that whole words can be read anywhere.
    private static var padding: Int { 8 }

    init(repeating element: Element, count: Int) {
        self.count = count
        let padded = count + Self.padding
        unsafe base = .allocate(capacity: padded)
        unsafe base.initialize(repeating: element, count: padded)
    }

    deinit { unsafe base.deallocate() }

    subscript(index: Int) -> Element {
        @inline(__always)
        get {
            precondition(index >= 0 && index < count)
            return unsafe base[index]
        }
        @inline(__always)
        nonmutating set {
            precondition(index >= 0 && index < count)
            unsafe base[index] = newValue
        }
    }
}

extension FixedBuffer<UInt8> {
    /// The eight octets from `index` on as a number, most significant octet first; zeros stand behind the end.
    @inline(__always)
    func word(at index: Int) -> UInt64 {
        precondition(index >= 0 && index <= count)
        // SAFETY: the index was just checked, and the memory ends eight octets behind the last element.
        return unsafe UInt64(bigEndian: UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self))
    }

    /// Overwrites the beginning with `octets[range]`, letters in lower case.
    @inline(__always)
    func copyLowercased(_ octets: Span<UInt8>, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= octets.count && range.count <= count)
        // SAFETY: both ranges were just checked. A loop without further checks is made of vector instructions.
        unsafe octets.withUnsafeBufferPointer { octets in
            guard let source = octets.baseAddress else { return }
            for index in 0..<range.count {
                unsafe base[index] = source[range.lowerBound + index].asciiLowercased
            }
        }
    }

    /// A copy of the first `size` octets.
    func prefix(_ size: Int) -> [UInt8] {
        precondition(size >= 0 && size <= count)
        // SAFETY: the range was just checked.
        return unsafe Array(UnsafeBufferPointer(start: base, count: size))
    }

    /// Whether `self[start..<start + size]` and `other[offset..<offset + size]` are the same octets.
    @inline(__always)
    func equals(_ other: Span<UInt8>, at offset: Int, from start: Int = 0, size: Int) -> Bool {
        precondition(start >= 0 && size >= 0 && start + size <= count)
        guard offset >= 0, offset + size <= other.count else { return false }
        // SAFETY: both ranges were just checked. Whole words at a time: this is the longest loop of a hit.
        return unsafe other.withUnsafeBufferPointer { octets in
            guard let octets = octets.baseAddress else { return size == 0 }
            return unsafe memcmp(base + start, octets + offset, size) == 0
        }
    }
}

// SAFETY: the memory has one owner, and goes with it.
extension FixedBuffer: @unchecked Sendable where Element: Sendable {}
