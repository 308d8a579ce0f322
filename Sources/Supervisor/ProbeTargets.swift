// Which addresses a probe asks. Before interception kube-proxy still rewrites what this node sends to a Service:
// without a fall-back table, which lets probes pass, a probe of the kube-dns ClusterIP would reach cluster DNS
// and say nothing about our worker.

package import Addresses

package enum ProbeTargets {
    /// What pods would ask on `listening`; a wildcard is asked at our own addresses. An address that may be a
    /// Service's is asked only when probes of its family reach us. May be empty: then nothing can be proved by
    /// asking, and the worker's word has to do until traffic comes.
    package static func endpoints(
        listening: [Endpoint],
        localAddresses: [IPAddress],
        reachable: Set<IPAddress.Family>
    ) -> [Endpoint] {
        let own = ownAddresses(among: localAddresses)
        var result: [Endpoint] = []
        for endpoint in listening {
            let isWildcard = endpoint.address.isUnspecified
            let addresses =
                isWildcard
                ? localAddresses.filter { $0.family == endpoint.address.family } : [endpoint.address]
            for address in addresses where own.contains(address) || reachable.contains(address.family) {
                let target = Endpoint(address, port: endpoint.port)
                if !result.contains(target) { result.append(target) }
            }
        }
        return result
    }

    /// Addresses that no Service can have; without any, the first of several is ours by the custom of all
    /// manifests: the node-local address, then the ClusterIP.
    private static func ownAddresses(among addresses: [IPAddress]) -> Set<IPAddress> {
        let certain = addresses.filter(\.isLocalToNode)
        if !certain.isEmpty || addresses.count < 2 { return Set(certain) }
        return Set(addresses.prefix(1))
    }
}

extension IPAddress {
    /// Loopback or link-local (RFC 3927; RFC 4291, 2.5.6): Kubernetes refuses both as Service addresses.
    var isLocalToNode: Bool { isLoopback || isLinkLocal }

    /// 169.254.0.0/16 or fe80::/10.
    var isLinkLocal: Bool { family == .v4 ? low >> 16 == 0xa9fe : high >> 54 == 0xfe80 >> 6 }
}
