// What one `forward` line of a Corefile says about asking, as an immutable value. Which names a group is
// asked about (FROM, `except`) is decided before the question gets here.

package import Addresses
package import DNSWire
package import Resolution
package import Timing

/// The settings of a forward group; everything but the upstreams has CoreDNS' default.
package struct ForwardSettings: Sendable, Hashable {
    /// The servers in the order of the file; without any, every question fails at once.
    ///
    /// At most `ServerSet.capacity`, which the Corefile also demands; more are not asked.
    package var upstreams: [Endpoint]
    /// How those are asked that speak TLS; the others are asked in plain.
    package var encryption: [Endpoint: TLSPeer] = [:]
    package var policy = Policy.random
    package var transport = TransportChoice.client
    /// A server is down when more than so many checks in a row have failed; 0 means no checks, never down.
    package var maxFails = 2
    package var healthCheck = HealthCheck()
    /// How long an unused connection is kept.
    package var expire = Interval.seconds(10)
    /// How many unused connections to one server are kept; 0 means no limit but ours.
    package var maxIdleConnections = 0
    /// How many questions may be on their way at once; 0 means no limit.
    package var maxConcurrent = 0
    /// After so many failed attempts a question has failed; 0 leaves it to `ForwardLimits`.
    package var maxConnectAttempts = 0
    /// A reply with one of these codes is tried on the next server; the last one is returned. SERVFAIL and
    /// REFUSED are tried there in any case (`isWorthAnotherServer`).
    package var failover: Set<ResponseCode> = []
    /// Whether a question fails at once while all servers are down, instead of trying one all the same.
    package var failsFast = false
    /// Below it are the names by which it is found out whether a server leads back to us (`loop`); nil: it is not.
    package var loopZone: DomainName?
    /// Where the servers are really: `upstreams` are then those who know it, and asked until they have told.
    package var discovery: Discovery?

    /// A name that leads to the servers.
    package struct Discovery: Sendable, Hashable {
        /// Has SRV records.
        package let name: DomainName
        /// Addresses of ours, never to be asked whatever the name says.
        package let ownAddresses: Set<IPAddress>

        package init(name: DomainName, ownAddresses: Set<IPAddress>) {
            self.name = name
            self.ownAddresses = ownAddresses
        }
    }
    package var limits = ForwardLimits()

    /// Settings with CoreDNS' defaults for these servers.
    package init(upstreams: [Endpoint]) {
        self.upstreams = upstreams
    }

    /// Which server is asked first (`policy`).
    package enum Policy: String, Sendable, CaseIterable {
        case random
        case roundRobin = "round_robin"
        case sequential
        /// Of two at random the one with the lower smoothed latency: fast servers get more, none gets all.
        case latency
    }

    /// How questions travel.
    package enum TransportChoice: Sendable, Hashable {
        /// As the client's came.
        case client
        /// `force_tcp`; wins over `prefer_udp`, as in CoreDNS.
        case tcp
        /// `prefer_udp`: over UDP, and again over TCP when the reply is truncated.
        case udpFirst
    }

    /// The question of a health check and its rhythm (`health_check`).
    package struct HealthCheck: Sendable, Hashable {
        package var interval = Interval.milliseconds(500)
        package var recursionDesired = true
        package var domain = DomainName.root

        /// CoreDNS' defaults: `. NS` with RD every 500 ms.
        package init() {}
    }
}

extension ForwardSettings {
    /// Whether another server may have a better reply: SERVFAIL and REFUSED tell of the server, not of the name.
    func isWorthAnotherServer(_ code: ResponseCode) -> Bool {
        code == .serverFailure || code == .refused || failover.contains(code)
    }
}

extension ForwardSettings.TransportChoice {
    /// The transport of a question's first attempt.
    package func transport(ofClient transport: Transport) -> Transport {
        switch self {
        case .client: transport
        case .tcp: .tcp
        case .udpFirst: .udp
        }
    }
}
