// The `loop` plugin: a question that only we ask must not come back. When it does, an upstream leads to
// ourselves, and every miss would go round until something breaks. CoreDNS kills itself then; we stop
// forwarding for the block and go on answering what we know (needs.md, 13).

import Synchronization

/// Counts the returns of each block's probe.
package final class LoopWatch: Sendable {
    private struct State {
        var seen: [ObjectIdentifier: Int] = [:]
        var looping: Set<ObjectIdentifier> = []
    }

    /// CoreDNS' threshold: our own question arrives once by itself, and a retry may follow.
    private static let tolerated = 2
    private let state = Mutex(State())
    private let onLoop: @Sendable (ServerBlock) -> Void

    /// `onLoop` is called once per block that loops.
    package init(onLoop: @escaping @Sendable (ServerBlock) -> Void) {
        self.onLoop = onLoop
    }

    func sawProbe(of block: ServerBlock) {
        let isNew = state.withLock { state in
            state.seen[ObjectIdentifier(block), default: 0] += 1
            guard state.seen[ObjectIdentifier(block), default: 0] > Self.tolerated else { return false }
            return state.looping.insert(ObjectIdentifier(block)).inserted
        }
        if isNew { onLoop(block) }
    }

    func isLooping(_ block: ServerBlock) -> Bool {
        state.withLock { $0.looping.contains(ObjectIdentifier(block)) }
    }

    /// Blocks that are gone need not be remembered; a new configuration gets a new chance.
    package func forget() {
        state.withLock { $0 = State() }
    }
}
