// The Corefile's words as the settings of the modules that act on them. `Corefile` and those modules do not
// know each other; this is the one place that knows both.

import Addresses
import AnswerCache
import Control
import Corefile
import DNSWire
import Dnstap
import Listeners
import Plugins
import RegularExpression
import Resolution
import Timing
import Upstream

extension Interval {
    init(_ duration: GoDuration) {
        self.init(nanoseconds: UInt64(max(0, duration.nanoseconds)))
    }
}

extension CacheSettings {
    init(_ cache: CacheConfiguration) {
        self.init()
        success = Kind(cache.success)
        denial = Kind(cache.denial)
        serverFailureTTL = UInt32(clamping: cache.serverFailureDuration.nanoseconds / 1_000_000_000)
        prefetch = cache.prefetch.map {
            Prefetch(
                hits: UInt16(clamping: $0.amount),
                pause: Interval($0.duration),
                percentage: UInt32(clamping: $0.percentage)
            )
        }
        stale = cache.serveStale.map {
            Stale(
                duration: Interval($0.duration),
                verifies: $0.mode == .verify,
                patience: $0.verifyTimeout > .zero ? Interval($0.verifyTimeout) : nil
            )
        }
        keepsTTL = cache.keepsTTL
    }
}

extension CacheSettings.Kind {
    init(_ store: CacheConfiguration.Store) {
        self.init(
            capacity: store.effectiveCapacity,
            maximumTTL: store.maximumTTL,
            minimumTTL: store.minimumTTL
        )
    }
}

extension CacheScope {
    init(_ block: ServerBlockConfiguration) {
        self.init()
        guard let cache = block.cache else { return }
        let all = block.zones.map(\.name)
        // Zones that cover the whole block need no check per query.
        let isWhole = all.allSatisfy { zone in cache.zones.contains { zone.isWithin($0) } }
        zones = isWhole ? nil : cache.zones
        withoutSuccess = cache.disabledForSuccess
        withoutDenial = cache.disabledForDenial
        label = cache.zones.map(\.description).joined(separator: ",")
    }
}

extension LogRule {
    init(_ rule: LogConfiguration.Rule) {
        let all: Set<ReplyClass> = [.success, .denial, .error]
        let classes = rule.classes.reduce(into: Set<ReplyClass>()) { classes, name in
            switch name {
            case .success: classes.insert(.success)
            case .denial: classes.insert(.denial)
            case .error: classes.insert(.error)
            case .all: classes = all
            }
        }
        self.init(name: rule.name, format: LogFormat(rule.format), classes: classes)
    }
}

extension ConsolidationRule {
    init(_ rule: ErrorsConfiguration.Consolidation) {
        self.init(
            pattern: rule.pattern.pattern,
            interval: Interval(rule.duration),
            level: FailureLevel(rule.level),
            matches: { rule.pattern.matches($0) }
        )
    }
}

extension StreamCredentials {
    /// Of the blocks of one socket the first that has a certificate has it for all.
    convenience init?(ofFirst blocks: [ServerBlockConfiguration]) throws(ServingPlan.Refusal) {
        for block in blocks {
            guard let tls = block.plugin(ServerTLSConfiguration.self) else { continue }
            do {
                try self.init(
                    certificate: tls.certificate,
                    key: tls.key,
                    authorities: tls.authorities,
                    clients: ClientAuthentication(tls.clientAuthentication)
                )
                return
            } catch {
                throw .certificate(block.origin.location.description, "\(error)")
            }
        }
        return nil
    }
}

extension StreamCredentials.ClientAuthentication {
    init(_ mode: ServerTLSConfiguration.ClientAuthentication) {
        self =
            switch mode {
            case .none: .none
            case .verifiedIfGiven: .ifGiven
            case .required: .required
            }
    }
}

extension DnstapSettings {
    init(_ line: DnstapConfiguration, host: String) {
        let target: Target =
            switch line.target {
            case .unix(let path): .unix(path)
            case .tcp(let endpoint): .tcp(endpoint)
            }
        self.init(
            target: target,
            identity: Array((line.identity ?? host).utf8),
            version: Array((line.version ?? "node-local-dns-\(BuildVersion.number)").utf8)
        )
        isFull = line.isFull
        extra = line.extra.map { LogFormat($0) }
        limits.writeBuffer = line.writeBuffer << 20
        limits.waiting *= line.queue
        limits.waitingOctets *= line.queue
    }
}

extension ServingPlan {
    /// The observers of all blocks.
    func taps(host: String) -> Set<DnstapSettings> {
        Set(
            configuration.blocks.flatMap { $0.allPlugins(DnstapConfiguration.self) }
                .map { DnstapSettings($0, host: host) }
        )
    }
}

extension FailureLevel {
    init(_ level: ErrorsConfiguration.Level) {
        self = FailureLevel(rawValue: level.rawValue) ?? .error
    }
}

extension TLSCredentials {
    /// The supervisor has judged the texts already, and by the same rules.
    fileprivate convenience init(
        _ tls: ForwardConfiguration.TLS,
        of origin: Origin
    ) throws(ServingPlan.Refusal) {
        do throws(Flaw) {
            try self.init(
                Texts(certificate: tls.certificate, key: tls.key, authorities: tls.authorities)
            )
        } catch {
            throw .credentials(origin.location.description, error.reason)
        }
    }
}

extension ForwardSettings {
    init(_ forward: ForwardConfiguration) throws(ServingPlan.Refusal) {
        var upstreams: [Endpoint] = []
        var encryption: [Endpoint: TLSPeer] = [:]
        let credentials = try forward.tls.map { (tls) throws(ServingPlan.Refusal) in
            try TLSCredentials(tls, of: forward.origin)
        }
        for target in forward.targets {
            switch target {
            case .plain(let endpoint): upstreams.append(endpoint)
            case .tls(let endpoint, let name):
                upstreams.append(endpoint)
                encryption[endpoint] = credentials.map { credentials in
                    // An address cannot be asked for by name (RFC 6066, 3): the certificate must carry it.
                    let wanted = (name ?? forward.tlsServerName).flatMap { IPAddress($0) == nil ? $0 : nil }
                    return TLSPeer(credentials, serverName: wanted)
                }
            // No address yet: a forward without servers answers SERVFAIL at once, and the rest is served.
            case .unresolvedClusterDNS: continue
            case .discovered:
                for case .plain(let resolver) in forward.resolvers { upstreams.append(resolver) }
            }
        }
        self.init(upstreams: upstreams)
        self.encryption = encryption
        policy = Policy(rawValue: forward.policy.rawValue) ?? .random
        transport =
            switch forward.transport {
            case .asClient: .client
            case .tcp: .tcp
            case .preferUDP: .udpFirst
            }
        maxFails = Int(forward.maxFails)
        healthCheck.interval = Interval(forward.healthCheck.interval)
        healthCheck.recursionDesired = forward.healthCheck.recursionDesired
        healthCheck.domain = forward.healthCheck.domain
        expire = Interval(forward.expire)
        maxIdleConnections = Int(forward.maxIdleConnections)
        maxConcurrent = Int(forward.maxConcurrent)
        maxConnectAttempts = Int(forward.maxConnectAttempts)
        failover = Set(forward.failover)
        failsFast = forward.failsFastWhenAllUnhealthy
    }
}
