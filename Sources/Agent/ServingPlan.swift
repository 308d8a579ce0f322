// A checked configuration turned into what the threads work with: blocks, their caches and exchanges, and one
// zone table per listen address. What did not change is taken over from the plan before.

import Addresses
import AnswerCache
import Corefile
import DNSWire
import Listeners
import Plugins
import Resolution
import Timing
import Upstream

/// One block with what belongs to it on the event loop.
struct PlannedBlock {
    let block: ServerBlock
    let configuration: ServerBlockConfiguration
    let settings: [ForwardSettings]
}

/// Everything a configuration asks for, not yet in force.
struct ServingPlan {
    let configuration: AgentConfiguration
    let listeners: ListenerPlan
    let blocks: [PlannedBlock]
    /// In the order of `listeners`.
    let tables: [ZoneTable]
    /// In the order of `listeners`; nil for plain DNS.
    let credentials: [StreamCredentials?]

    /// Why a configuration that parses cannot be served.
    enum Refusal: Error, CustomStringConvertible {
        case credentials(String, String)
        case certificate(String, String)
        /// No thread for an observer's connection.
        case noTap(String)

        var description: String {
            switch self {
            case .credentials(let place, let reason):
                "\(place): error: plugin/forward: a file of tls is no good: \(reason)"
            case .certificate(let place, let reason):
                "\(place): error: plugin/tls: the certificate or its key is no good: \(reason)"
            case .noTap(let reason): "plugin/dnstap: \(reason)"
            }
        }
    }

    /// What a plan is built from and what outlives it.
    struct Foundation {
        let hashing: NameHash
        let budget: ByteBudget
        let registry: ZoneRegistry
        let numbers: PluginNumbers
        /// Whom a `dnstap` line sends copies to.
        let tap: (DnstapConfiguration) throws -> any MessageTap
        let random: () -> UInt64
    }

    init(
        _ configuration: AgentConfiguration,
        after previous: ServingPlan?,
        on foundation: Foundation
    ) throws(Refusal) {
        self.configuration = configuration
        let listeners = ListenerPlan(configuration)
        self.listeners = listeners
        var kept = Dictionary(
            (previous?.blocks ?? []).map { ($0.configuration.cacheIdentity, $0.block.cache) },
            uniquingKeysWith: { first, _ in first }
        )
        var blocks: [PlannedBlock] = []
        for (index, block) in configuration.blocks.enumerated() {
            // A cache goes to one block only: two would mix their counts.
            let cache = kept.removeValue(forKey: block.cacheIdentity) ?? nil
            blocks.append(
                try PlannedBlock(
                    block,
                    index: index,
                    ownAddresses: configuration.ownAddresses,
                    keeping: cache,
                    on: foundation
                )
            )
        }
        self.blocks = blocks
        credentials = try listeners.listeners.map { (listener) throws(Refusal) in
            guard listener.endpoint.isEncrypted else { return nil }
            let blocks = listener.routes.map { configuration.blocks[$0.block] }
            guard let credentials = try StreamCredentials(ofFirst: blocks) else {
                throw .certificate(listener.endpoint.description, "there is none")
            }
            return credentials
        }
        tables = listeners.listeners.map { listener in
            let server = listener.endpoint.description
            return ZoneTable(
                server: server,
                endpoint: listener.endpoint.address.map { Endpoint($0, port: listener.endpoint.port) },
                zones: listener.routes.map { route in
                    let block = blocks[route.block].block
                    let view = blocks[route.block].configuration.plugin(ViewConfiguration.self)
                    let counters = foundation.registry.counters(
                        server: server,
                        zone: route.zone.description,
                        view: view?.name ?? "",
                        block: block
                    )
                    return ZoneTable.Zone(
                        name: route.zone,
                        block: block,
                        counters: counters,
                        view: view,
                        hashing: foundation.hashing
                    )
                },
                dropped: foundation.registry.dropped(server: server),
                patience: StreamPatience(listener.routes.map { blocks[$0.block].configuration })
            )
        }
    }
}

// MARK: - One block

extension PlannedBlock {
    init(
        _ configuration: ServerBlockConfiguration,
        index: Int,
        ownAddresses: Set<IPAddress>,
        keeping cache: ShardedCache?,
        on foundation: ServingPlan.Foundation
    ) throws(ServingPlan.Refusal) {
        self.configuration = configuration
        var settings: [ForwardSettings] = []
        var routes: [ForwardRoute] = []
        for (place, forward) in configuration.forwards.enumerated() {
            var asking = try ForwardSettings(forward)
            if configuration.detectsLoops {
                let zone = configuration.zones[0].name
                asking.loopZone = forward.from.isWithin(zone) ? forward.from : zone
            }
            for case .discovered(let name) in forward.targets {
                asking.discovery = ForwardSettings.Discovery(name: name, ownAddresses: ownAddresses)
            }
            settings.append(asking)
            routes.append(
                ForwardRoute(
                    from: forward.from,
                    except: forward.except,
                    exchange: place,
                    next: Set(forward.next),
                    asksAsClient: forward.transport == .asClient,
                    transport: forward.transport == .tcp ? .tcp : nil,
                    isLimited: forward.maxConcurrent > 0
                )
            )
        }
        self.settings = settings
        var taps: [any MessageTap] = []
        do {
            taps = try configuration.allPlugins(DnstapConfiguration.self).map(foundation.tap)
        } catch {
            throw .noTap("\(error)")
        }
        let cacheSettings = configuration.cache.map { CacheSettings($0) }
        block = ServerBlock(
            index: index,
            cache: cacheSettings.map { wanted in
                if let cache, cache.settings == wanted { return cache }
                return ShardedCache(settings: wanted, budget: foundation.budget)
            },
            cacheScope: CacheScope(configuration),
            forwards: routes,
            plugins: ServerBlock.Plugins(configuration, numbers: foundation.numbers),
            taps: taps,
            logRules: configuration.log?.rules.map { LogRule($0) } ?? [],
            logsErrors: configuration.errors != nil,
            isCounted: configuration.prometheus != nil,
            detectsLoops: configuration.detectsLoops,
            consolidations: configuration.errors?.consolidations.map { ConsolidationRule($0) } ?? [],
            searchAhead: configuration.cache?.searchAhead
        )
    }
}

extension StreamPatience {
    /// The last block of a socket that has `timeouts` wins, as in CoreDNS.
    init(_ blocks: [ServerBlockConfiguration]) {
        let timeouts = blocks.compactMap { $0.plugin(TimeoutsConfiguration.self) }.last
        self.init(firstQuery: timeouts?.read.map { Interval($0) }, idle: timeouts?.idle.map { Interval($0) })
    }
}
