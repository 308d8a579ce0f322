// Counting on the packet path: plain 64-bit cells that one thread writes and anybody reads.
// Cells that several threads write are `SharedCounter`'s; what the numbers mean is the catalogue's.

package import Synchronization

/// A block of 64-bit counters with one writing thread and any number of readers.
///
/// A write is a relaxed load and a relaxed store: on x86 and arm64 the same two moves an ordinary variable
/// costs, no locked instruction. The block has its cache lines for itself, so two threads' counters never
/// fight for one line. A reader may see a sum that is a few events old, and never a torn one.
@safe
package final class CounterCells: @unchecked Sendable {
    // SAFETY (of `@unchecked Sendable`): the memory is allocated and zeroed before `init` returns, freed in
    // `deinit`, and touched in between only through `Atomic`, so that no access is a data race. A second
    // writing thread would lose increments (that is the contract), not memory safety.

    /// How many counters there are.
    package let count: Int

    @usableFromInline
    let cells: UnsafeMutablePointer<Atomic<UInt64>>

    /// The size of a cache line on the machines we run on.
    private static let lineSize = 64

    /// Makes `count` counters, all zero, on cache lines of their own.
    package init(count: Int) {
        self.count = count
        let used = max(count, 1) * MemoryLayout<Atomic<UInt64>>.stride
        let padded = (used + Self.lineSize - 1) / Self.lineSize * Self.lineSize
        let memory = UnsafeMutableRawPointer.allocate(byteCount: padded, alignment: Self.lineSize)
        // SAFETY: `padded` is at least `count` strides, and the alignment is stricter than the cell's.
        unsafe cells = memory.bindMemory(to: Atomic<UInt64>.self, capacity: count)
        for index in 0..<count {
            unsafe (cells + index).initialize(to: Atomic(0))
        }
    }

    deinit {
        // SAFETY: `init` made exactly these cells, and nobody holds a pointer to them.
        unsafe cells.deinitialize(count: count)
        unsafe cells.deallocate()
    }

    /// Adds to one counter; only the writing thread may call this.
    ///
    /// `index` must be below `count`: checked in debug builds, promised by the caller in release builds.
    @inlinable
    package func add(_ amount: UInt64, at index: Int) {
        assert(index >= 0 && index < count, "no such counter")
        // SAFETY: `index` is below `count`, see above.
        let old = unsafe cells[index].load(ordering: .relaxed)
        unsafe cells[index].store(old &+ amount, ordering: .relaxed)
    }

    /// Adds one to one counter; only the writing thread may call this.
    @inlinable
    package func increment(_ index: Int) {
        add(1, at: index)
    }

    /// What one counter shows now; from any thread, `index` as in `add`.
    @inlinable
    package func value(at index: Int) -> UInt64 {
        assert(index >= 0 && index < count, "no such counter")
        // SAFETY: `index` is below `count`, see above.
        return unsafe cells[index].load(ordering: .relaxed)
    }
}
