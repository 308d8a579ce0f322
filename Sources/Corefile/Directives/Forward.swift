// `forward`: ask somebody else. Whom, for which names, how, and what counts as healthy
// (node-cache reference 3.7).

package import Addresses
package import DNSWire

/// One `forward` line, defaults filled in.
package struct ForwardConfiguration: PluginConfiguration {
    /// One upstream to ask.
    package enum Target: Hashable, Sendable {
        /// Plain DNS over UDP or TCP.
        case plain(Endpoint)
        /// DNS over TLS; the name to verify when the target itself gives one
        /// (`tls://192.0.2.1%dns.example.org`).
        case tls(Endpoint, serverName: String?)
        /// `dns+srv://NAME`: the servers that this name's SRV records lead to, whichever they are; looked up at
        /// `resolvers`.
        case discovered(DomainName)
        /// `__PILLAR__CLUSTER__DNS__` that nobody could replace yet: SERVFAIL until the address is found.
        case unresolvedClusterDNS
    }

    /// Where a target comes from; equal to every other, as `Origin` is.
    package struct TargetOrigin: Hashable, Sendable {
        /// The word in the Corefile.
        package let location: SourceLocation
        /// `/etc/resolv.conf:2`, when the word names a file in that format.
        package let fileLine: String?

        package static func == (left: TargetOrigin, right: TargetOrigin) -> Bool { true }
        package func hash(into hasher: inout Hasher) {}
    }

    /// How a plain upstream is asked.
    package enum Transport: Hashable, Sendable {
        /// As the client asked us.
        case asClient
        /// `force_tcp`.
        case tcp
        /// `prefer_udp`: UDP first, TCP for a truncated answer.
        case preferUDP
    }

    /// Which upstream is asked first.
    package enum Policy: String, Sendable, CaseIterable {
        case random
        case roundRobin = "round_robin"
        case sequential
        /// Ours: of two at random the one that answers sooner.
        case latency
    }

    /// The question that a suspect upstream is asked.
    package struct HealthCheck: Hashable, Sendable {
        /// Between two questions; zero is no pause.
        package var interval: GoDuration
        package var recursionDesired: Bool
        /// Asked for with type NS.
        package var domain: DomainName
    }

    /// What the files of `tls [CERT KEY] [CA]` hold: PEM texts.
    package struct TLS: Hashable, Sendable {
        package var certificate: String?
        package var key: String?
        /// The named ones, else the system's.
        package var authorities: String

        package init(certificate: String? = nil, key: String? = nil, authorities: String) {
            self.certificate = certificate
            self.key = key
            self.authorities = authorities
        }
    }

    /// Whom is asked about what: the part of a `forward` line that decides what an answer says.
    package struct Source: Hashable, Sendable {
        package let from: DomainName
        package let except: [DomainName]
        package let targets: [Target]
        package let resolvers: [Target]
    }

    /// Names at or below this are forwarded.
    package var from: DomainName
    /// One to fifteen, files in resolv.conf format already expanded.
    package private(set) var targets: [Target]
    /// Where each of them was written.
    package private(set) var targetOrigins: [TargetOrigin]
    /// Who is asked where the servers of a `discovered` target are.
    package var resolvers: [Target]
    /// Files that targets came from; a change of one means reading the configuration anew.
    package var resolverFiles: [String]
    /// Names at or below these are left to the next plugin (`from` itself is always forwarded).
    package var except: [DomainName]
    /// Does not concern TLS targets.
    package var transport: Transport
    /// Idle connections older than this are closed.
    package var expire: GoDuration
    /// Consecutive failed checks that make an upstream unhealthy; zero is never.
    package var maxFails: UInt32
    /// Attempts per query; zero is no limit but time.
    package var maxConnectAttempts: UInt32
    /// Idle connections kept per upstream; zero is no limit.
    package var maxIdleConnections: UInt32
    /// For all TLS targets; nil without such a target and without a `tls` line.
    package var tls: TLS?
    /// The name to verify for all TLS targets; nil means the address.
    package var tlsServerName: String?
    package var policy: Policy
    package var healthCheck: HealthCheck
    /// Queries in flight beyond this are refused; zero is no limit.
    package var maxConcurrent: UInt32
    /// Answers with these codes go to the next `forward` of the block.
    package var next: [ResponseCode]
    /// Answers with these codes go to the next upstream.
    package var failover: [ResponseCode]
    /// All upstreams down means SERVFAIL at once instead of a try at random.
    package var failsFastWhenAllUnhealthy: Bool
    /// The line, for messages.
    package var origin: Origin

    mutating func add(_ target: Target, from origin: TargetOrigin) {
        targets.append(target)
        targetOrigins.append(origin)
    }

    /// The same line without the targets at these places.
    func without(_ places: Set<Int>) -> ForwardConfiguration {
        var result = self
        result.targets = targets.indices.filter { !places.contains($0) }.map { targets[$0] }
        result.targetOrigins = targets.indices.filter { !places.contains($0) }.map { targetOrigins[$0] }
        return result
    }

    /// The part that decides what an answer says.
    package var source: Source { Source(from: from, except: except, targets: targets, resolvers: resolvers) }
}

extension ServerBlockConfiguration {
    /// In file order: a name goes to the first that covers it.
    package var forwards: [ForwardConfiguration] { allPlugins() }
}
