// Which sockets a configuration needs, and which block a query on each of them belongs to.

package import Addresses
package import DNSWire

/// All listening endpoints of a configuration, sorted, each with its zones.
package struct ListenerPlan: Hashable, Sendable {
    /// An address and a port to listen on, over UDP and TCP, or over TLS.
    package struct Endpoint: Hashable, Sendable {
        /// Nil is every address of both families (no `bind` line).
        package let address: IPAddress?
        package let port: UInt16
        /// Over TLS (RFC 7858), which is over TCP only.
        package let isEncrypted: Bool

        package init(address: IPAddress?, port: UInt16, isEncrypted: Bool = false) {
            self.address = address
            self.port = port
            self.isEncrypted = isEncrypted
        }
    }

    /// A zone and the block that serves it on this listener.
    package struct Route: Hashable, Sendable {
        package let zone: DomainName
        /// Index into `AgentConfiguration.blocks`.
        package let block: Int
    }

    /// One endpoint with its zones.
    package struct Listener: Hashable, Sendable {
        package let endpoint: Endpoint
        /// Longest zone first: the first that contains a name, and whose block takes the query, is its block.
        package let routes: [Route]
    }

    /// By port, then the wildcard, then addresses: IPv4 before IPv6, each in numeric order.
    package let listeners: [Listener]
}

// MARK: - Creation

extension ListenerPlan {
    package init(_ configuration: AgentConfiguration) {
        var routes: [Endpoint: [Route]] = [:]
        for (index, block) in configuration.blocks.enumerated() {
            for zone in block.zones {
                for address in block.listen.places {
                    let endpoint = Endpoint(
                        address: address,
                        port: zone.port,
                        isEncrypted: zone.scheme == .tls
                    )
                    routes[endpoint, default: []].append(Route(zone: zone.name, block: index))
                }
            }
        }
        listeners =
            routes
            .map { Listener(endpoint: $0, routes: $1.sorted(by: Self.precedes)) }
            .sorted { $0.endpoint.sortKey < $1.endpoint.sortKey }
    }

    /// More labels first; equal counts in the order of their bytes, so that equal configurations look equal; blocks
    /// with the same zone in the order of the file.
    private static func precedes(_ left: Route, _ right: Route) -> Bool {
        if left.zone == right.zone { return left.block < right.block }
        let (leftCount, rightCount) = (left.zone.labels.count, right.zone.labels.count)
        guard leftCount == rightCount else { return leftCount > rightCount }
        return left.zone.wire.lexicographicallyPrecedes(right.zone.wire)
    }
}

extension ListenerPlan.Endpoint {
    fileprivate var sortKey: (UInt16, UInt8, UInt64, UInt64) {
        guard let address else { return (port, 0, 0, 0) }
        return (port, address.family.rawValue, address.high, address.low)
    }
}

extension ListenerPlan.Endpoint: CustomStringConvertible {
    /// `dns://:53`, `dns://192.0.2.1:53` or `tls://192.0.2.1:853`: the label `server` of CoreDNS' metrics.
    package var description: String {
        let scheme = isEncrypted ? "tls://" : "dns://"
        guard let address else { return "\(scheme):\(port)" }
        return scheme + Addresses.Endpoint(address, port: port).description
    }

    /// The same place, with encryption if it has none and without it if it has.
    var otherwise: Self { Self(address: address, port: port, isEncrypted: !isEncrypted) }
}

// MARK: - Questions

extension ListenerPlan {
    /// The blocks that get a question sent to `target` for a name below `from` that `block` may forward.
    func blocks(
        answering target: Addresses.Endpoint,
        for from: DomainName,
        of block: ServerBlockConfiguration,
        localAddresses: [IPAddress]
    ) -> Set<Int> {
        guard let listener = listener(for: target, localAddresses) else { return [] }
        var result: Set<Int> = []
        for zone in block.zones.map(\.name) {
            guard zone.isWithin(from) || from.isWithin(zone) else { continue }
            let names = zone.isWithin(from) ? zone : from
            guard let first = listener.routes.first(where: { names.isWithin($0.zone) }) else { continue }
            // Whichever condition holds.
            for route in listener.routes where route.zone == first.zone { result.insert(route.block) }
        }
        return result
    }

    /// Whether what is sent to `target` from this machine surely reaches a listener of ours.
    package func listens(on target: Addresses.Endpoint, localAddresses: [IPAddress]) -> Bool {
        listener(for: target, localAddresses) != nil
    }

    private func listener(for target: Addresses.Endpoint, _ localAddresses: [IPAddress]) -> Listener? {
        // The kernel prefers a socket bound to the address over one bound to all.
        let exact = listeners.first {
            $0.endpoint.address == target.address && $0.endpoint.port == target.port
        }
        return exact ?? listeners.first { $0.endpoint.receives(target, localAddresses) }
    }
}

extension ListenerPlan.Endpoint {
    /// Whether a question sent to `target` from this machine arrives here. Behind a wildcard only our own
    /// and the loopback address surely do: 127.0.0.53 may belong to somebody else.
    fileprivate func receives(_ target: Addresses.Endpoint, _ localAddresses: [IPAddress]) -> Bool {
        guard target.port == port else { return false }
        if let address, !address.isUnspecified { return address == target.address }
        return target.address.isUnspecified || target.address == IPAddress(v4: 0x7f00_0001)
            || target.address == IPAddress(v6High: 0, low: 1) || localAddresses.contains(target.address)
    }
}
