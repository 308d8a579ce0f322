// How the memory that an agent may use is dealt out. All of what grows with the world's behaviour has a share: the
// answers it keeps, and the clients that wait for upstream. The rest is for what has bounds of its own: two
// programs, buffers, connections.

/// The shares of one configuration; immutable.
package struct MemoryShares: Hashable, Sendable {
    /// Octets of all caches together.
    package let cacheBudget: Int
    /// Clients that may wait for upstream at once.
    package let mostWaiting: Int

    /// `limit`: octets of the control group, nil without one. `cacheBudget`: `-cache-budget`, which wins.
    package init(limit: Int?, cacheBudget: Int?) {
        self.cacheBudget = cacheBudget ?? limit.map { $0 / 8 * 3 } ?? Self.unlimitedCache
        mostWaiting = min(limit.map { $0 / 4 / Self.waitingClient } ?? .max, Self.enoughWaiting)
    }

    /// Far above two full default caches (some 8 MiB), far below what a small node can spare.
    private static let unlimitedCache = 64 << 20
    /// Octets that a client takes who waits for the answer to a question of its own, upstream's part and sockets
    /// included; measured with 16 384 of them and an upstream that says nothing.
    private static let waitingClient = 2_400
    /// More would wait longer than they want to.
    private static let enoughWaiting = 50_000
}
