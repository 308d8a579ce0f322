// The receiving half of `loop`: a question that only we ask must not come back. Each upstream is asked for names of
// its own (`LoopWatch` in Upstream), so that a name that comes back tells which of them leads to ourselves.
// Confined to the event loop, as the desk is.

package import Addresses
package import DNSWire

/// Knows the names that were asked.
package final class LoopDetector {
    /// A question of ours came back.
    package struct Sighting: Sendable, Hashable {
        package let name: DomainName
        /// Who asked us.
        package let client: Endpoint?
        /// The listener that it reached, as metrics name it.
        package let server: String
        package let zone: DomainName

        package init(name: DomainName, client: Endpoint?, server: String, zone: DomainName) {
            self.name = name
            self.client = client
            self.server = server
            self.zone = zone
        }
    }

    private var expected: [DomainName: (Sighting) -> Void] = [:]

    package init() {}

    /// Calls `onSighting` whenever the name is asked, until it is forgotten.
    package func expect(_ name: DomainName, onSighting: @escaping (Sighting) -> Void) {
        expected[name] = onSighting
    }

    package func forget(_ name: DomainName) { expected[name] = nil }

    /// Notes that `name` was asked; false when it is none of ours.
    package func note(_ sighting: @autoclosure () -> Sighting, of name: DomainName) -> Bool {
        guard let onSighting = expected[name] else { return false }
        onSighting(sighting())
        return true
    }
}
