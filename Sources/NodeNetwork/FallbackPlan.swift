// Who answers while no agent does, as a plain value: the part of the plan that the kernel carries out alone.

package import Addresses

/// Where look-ups go while no agent takes them.
package struct FallbackPlan: Hashable, Sendable {
    /// The ClusterIPs of the upstream Service, whose end points are the cluster's DNS; the first of a family
    /// counts.
    package let upstream: [IPAddress]
    /// Addresses that mean something on this node only: look-ups there are rewritten to `upstream`.
    ///
    /// Addresses of the network plan that are not among these are ClusterIPs, which kube-proxy translates as
    /// soon as we let it.
    package let nodeLocalAddresses: [IPAddress]
    /// The conntrack zone of look-ups to the first node-local address; each further address has the next one.
    ///
    /// It tells answers to rewritten look-ups from answers of the same Service to ordinary ones. Any number
    /// will do that nobody else on the node uses.
    package let zone: UInt16
    /// Whether services are translated by IPVS, which conntrack does not learn of (failover design, 7).
    package let isBehindIPVS: Bool

    package init(
        upstream: [IPAddress],
        nodeLocalAddresses: [IPAddress],
        zone: UInt16 = 5353,
        isBehindIPVS: Bool = false
    ) {
        self.upstream = upstream
        self.nodeLocalAddresses = nodeLocalAddresses
        self.zone = zone
        self.isBehindIPVS = isBehindIPVS
    }
}

/// Takes a living but stuck agent out of the path: its traffic is ours only while answers leave it.
///
/// Somebody must send questions from `heartbeatPort` of each address to that address, four times per `timeout`,
/// and the agent must answer them.
package struct DeadManPlan: Hashable, Sendable {
    /// The source port of the heart-beat's questions.
    package let heartbeatPort: UInt16
    /// How long after its last answer the agent counts as alive.
    package let timeout: Duration

    package init(heartbeatPort: UInt16, timeout: Duration) {
        self.heartbeatPort = heartbeatPort
        self.timeout = timeout
    }
}
