// Numbers that several threads write: rare events and states. What happens per packet is counted in
// `CounterCells`, which need no locked instruction.

package import Synchronization

/// A number that only grows, written and read by any thread.
package final class SharedCounter: Sendable {
    @usableFromInline
    let cell = Atomic<UInt64>(0)

    /// A counter at zero.
    package init() {}

    /// Counts `amount` more events.
    @inlinable
    package func add(_ amount: UInt64 = 1) {
        cell.wrappingAdd(amount, ordering: .relaxed)
    }

    /// The events counted so far.
    @inlinable
    package var value: UInt64 { cell.load(ordering: .relaxed) }
}

/// A number that goes up and down, written and read by any thread.
package final class SharedGauge: Sendable {
    @usableFromInline
    let cell: Atomic<Int64>

    /// A gauge that starts at `value`.
    package init(_ value: Int64 = 0) {
        cell = Atomic(value)
    }

    /// Forgets the old value.
    @inlinable
    package func set(_ value: Int64) {
        cell.store(value, ordering: .relaxed)
    }

    /// Moves the value up, or down for a negative amount.
    @inlinable
    package func add(_ amount: Int64) {
        cell.wrappingAdd(amount, ordering: .relaxed)
    }

    /// The value now.
    @inlinable
    package var value: Int64 { cell.load(ordering: .relaxed) }
}
