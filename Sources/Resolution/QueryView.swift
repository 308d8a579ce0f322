// Conditions under which a block takes a query (`view`). A listener without them pays one test of a flag.

package import Addresses
package import DNSWire

/// Who asks, where, and how: what a condition may speak of beside the query.
package struct Asker: Sendable {
    /// Nil when the kernel did not tell.
    package let client: Endpoint?
    /// Nil for a socket on all addresses.
    package let server: Endpoint?
    package let transport: Transport

    package init(client: Endpoint?, server: Endpoint?, transport: Transport) {
        self.client = client
        self.server = server
        self.transport = transport
    }
}

/// The condition of a block. Called on every thread that answers, for every query of its zones.
package protocol QueryView: Sendable {
    /// Label `view` of the metrics.
    var name: String { get }
    /// Whether the block takes the query.
    func admits(_ query: borrowing Query, of asker: Asker) -> Bool
}
