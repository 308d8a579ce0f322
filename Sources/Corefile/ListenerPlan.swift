// Which sockets a configuration needs, and which block a query on each of them belongs to.

package import Addresses
package import DNSWire

/// All listening endpoints of a configuration, sorted, each with its zones.
package struct ListenerPlan: Hashable, Sendable {
    /// An address and a port to listen on, over UDP and TCP.
    package struct Endpoint: Hashable, Sendable {
        /// Nil is every address of both families (no `bind` line).
        package let address: IPAddress?
        package let port: UInt16

        package init(address: IPAddress?, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    /// A zone and the block that serves it on this listener.
    package struct Route: Hashable, Sendable {
        package let zone: DomainName
        /// Index into `AgentConfiguration.blocks`.
        package let block: Int
    }

    package struct Listener: Hashable, Sendable {
        package let endpoint: Endpoint
        /// Longest zone first: the first that contains a name is its block.
        package let routes: [Route]
    }

    package let listeners: [Listener]
}
