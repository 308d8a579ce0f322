// Scratch memory of fixed size with one owner. `InlineArray` would do, but reading an element of one that
// lies in a borrowed value copies the whole array first (seen in 6.3.1: a kilobyte per label of a name).

import Glibc

/// Elements that are made once and overwritten for ever after.
@safe struct FixedBuffer<Element: BitwiseCopyable>: ~Copyable {
    // SAFETY: allocated and initialised by `init`, freed by `deinit`; every access is checked against `count`.
    private let base: UnsafeMutablePointer<Element>
    let count: Int

    init(repeating element: Element, count: Int) {
        self.count = count
        unsafe base = .allocate(capacity: count)
        unsafe base.initialize(repeating: element, count: count)
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
