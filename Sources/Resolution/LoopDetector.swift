// The `loop` plugin: a question that only we ask must not come back. When it does, an upstream leads to
// ourselves, and every miss would go round until something breaks. CoreDNS kills itself then; we stop
// forwarding for the block and go on answering what we know (needs.md, 13).

package import DNSWire
import Synchronization

/// Counts the returns of one block's probe.
package final class LoopDetector: Sendable {
    /// A name that nobody else can guess.
    package let probe: DomainName
    private let sightings = Atomic<Int>(0)

    /// CoreDNS' threshold: our own question arrives once by itself, and a retry may follow.
    private static let tolerated = 2

    package init(probe: DomainName) { self.probe = probe }

    /// Whether the upstream leads back to us.
    package var hasFoundLoop: Bool { sightings.load(ordering: .relaxed) > Self.tolerated }

    /// Notes that the probe arrived; true for the arrival that proves the loop.
    func noteSighting() -> Bool {
        sightings.wrappingAdd(1, ordering: .relaxed).newValue == Self.tolerated + 1
    }
}
