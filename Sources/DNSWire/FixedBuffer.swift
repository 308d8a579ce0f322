// Scratch memory of fixed size with one owner. `InlineArray` would do, but reading an element of one that
// lies in a borrowed value copies the whole array first (seen in 6.3.1: a kilobyte per label of a name).

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

// SAFETY: the memory has one owner, and goes with it.
extension FixedBuffer: @unchecked Sendable where Element: Sendable {}
