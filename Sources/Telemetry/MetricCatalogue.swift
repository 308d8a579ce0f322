// One table of every family: type, help, labels, and which series are there before the first event.
// `docs/metrics.md` is generated from it. Names, types, labels and buckets of the `coredns_` families are
// those of CoreDNS 1.13, because dashboards and alerts read them.

/// What a family's numbers are.
package enum MetricKind: Hashable, Sendable {
    /// Only grows.
    case counter
    /// Goes up and down.
    case gauge
    /// Counts per bucket, and a sum.
    case histogram(Buckets)

    /// The word after `# TYPE`.
    package var name: String {
        switch self {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        }
    }
}

/// What the catalogue says about a family.
package struct MetricDefinition: Sendable {
    /// Counter, gauge or histogram.
    package let kind: MetricKind
    /// One short English sentence.
    package let help: String
    /// Label names in alphabetical order; a series' label values come in this order.
    package let labels: [String]
    /// Label values of the series that show 0 before anything happened.
    package let initialSeries: [[String]]
}

/// Every metric in one table.
package enum MetricCatalogue {
    /// What is known about a family.
    package static subscript(family: MetricFamily) -> MetricDefinition {
        table[family] ?? definition(of: family)
    }

    /// The families in the order of their names, which is the exposition's.
    package static let families = MetricFamily.allCases.sorted { $0.rawValue < $1.rawValue }

    private static let table = Dictionary(
        uniqueKeysWithValues: MetricFamily.allCases.map { ($0, definition(of: $0)) }
    )

    /// `docs/metrics.md`'s table.
    package static var markdown: String {
        var text = "| name | type | labels | meaning |\n|---|---|---|---|\n"
        for family in families {
            let known = self[family]
            let labels = known.labels.isEmpty ? "–" : known.labels.joined(separator: ", ")
            text += "| `\(family.rawValue)` | \(known.kind.name) | \(labels) | \(known.help) |\n"
        }
        return text
    }
}

// MARK: - The table

extension MetricCatalogue {
    private static let cacheLabels = ["server", "view", "zones"]
    private static let cacheTypeLabels = ["server", "type", "view", "zones"]
    private static let sizeLabels = ["proto", "server", "view", "zone"]

    private static let templateLabels = [
        "class", "section", "server", "template", "type", "view", "zone",
    ]

    private static func definition(of family: MetricFamily) -> MetricDefinition {
        switch family {
        case .cacheEntries: gauge("Entries in the cache, expired ones included.", cacheTypeLabels)
        case .cacheRequests: counter("Look-ups in the cache.", cacheLabels)
        case .cacheHits: counter("Look-ups that found an answer, stale ones included.", cacheTypeLabels)
        case .cacheMisses: counter("Look-ups that found nothing.", cacheLabels)
        case .cachePrefetches: counter("Answers refreshed in the background.", cacheLabels)
        case .cacheDrops: counter("Replies not stored because they are malformed.", cacheLabels)
        case .cacheServedStale: counter("Answers given after their time to live.", cacheLabels)
        case .cacheEvictions: counter("Entries removed to make room.", cacheTypeLabels)

        case .requests: counter("Queries handled.", ["family", "proto", "server", "type", "view", "zone"])
        case .requestsWithDO: counter("Queries with the DO bit.", ["server", "view", "zone"])
        case .requestDuration:
            histogram(.duration, "Time from query to reply.", ["server", "view", "zone"])
        case .requestSize: histogram(.size, "Size of queries.", sizeLabels)
        case .responseSize: histogram(.size, "Size of replies.", sizeLabels)
        case .responses: counter("Replies sent.", ["plugin", "rcode", "server", "view", "zone"])
        case .panics: counter("Deaths of the worker process by a fault of its own.")
        case .pluginEnabled: gauge("A plugin that is in use is 1.", ["name", "server", "view", "zone"])
        case .buildInfo: gauge("Always 1; the labels tell the build.", ["goversion", "revision", "version"])
        case .reloadFailures: counter("Reloads that kept the old configuration.")
        case .reloadVersion: gauge("Always 1; the hash of the configuration in use.", ["hash", "value"])
        case .hostsReloadTime: gauge("Unix time of the last reading of a hosts file, 0 without one.")

        case .hostsEntries: gauge("Entries of a hosts file, both ways.", ["hostsfile"])
        case .dns64Translated: counter("Queries whose answer dns64 has made.", ["server"])
        case .templateMatches:
            counter("Queries that a template was for.", ["class", "server", "type", "view", "zone"])
        case .templateFailures: counter("Templates that could not be filled in.", templateLabels)
        case .templateRecordFailures:
            counter("Templates whose text is no record.", templateLabels)

        case .forwardHealthcheckBroken: counter("Queries that found all upstreams of a forward down.")
        case .forwardConcurrencyRejects: counter("Queries refused because of max_concurrent.")
        case .forwardRequests: counter("Queries answered by an upstream (old name).", ["to"])
        case .forwardResponses: counter("Replies of upstreams (old name).", ["rcode", "to"])
        case .forwardDuration:
            histogram(.duration, "Time an upstream took to reply (old name).", ["rcode", "to"])
        case .forwardHealthcheckFailures: counter("Failed checks of an upstream (old name).", ["to"])
        case .proxyConnectionHits: counter("Upstream connections reused.", ["proto", "proxy_name", "to"])
        case .proxyConnectionMisses: counter("Upstream connections opened.", ["proto", "proxy_name", "to"])
        case .proxyHealthcheckFailures: counter("Failed checks of an upstream.", ["proxy_name", "to"])
        case .proxyDuration:
            histogram(.duration, "Time an upstream took to reply.", ["proxy_name", "rcode", "to"])

        case .healthDuration: histogram(.health, "Time the own health endpoint took to answer.")
        case .healthFailures: counter("Checks of the own health endpoint that failed.")
        case .setupErrors: counter("Errors while setting up the node.", ["errortype"], setupErrorTypes)

        case .dnstapMessages:
            counter("Copies of messages for an observer, and what became of them.", ["result", "to"])
        case .dnstapConnected: gauge("Whether the observer takes copies.", ["to"])

        case .processCPU: counter("User and system CPU time spent in seconds.")
        case .processResidentMemory: gauge("Resident memory size in bytes.")
        case .processVirtualMemory: gauge("Virtual memory size in bytes.")
        case .processVirtualMemoryLimit: gauge("Maximum amount of virtual memory in bytes.")
        case .processOpenDescriptors: gauge("Open file descriptors.")
        case .processDescriptorLimit: gauge("Maximum number of open file descriptors.")
        case .processStartTime: gauge("Unix time of the process' start in seconds.")
        case .processNetworkReceived: counter("Bytes received in the process' network namespace.")
        case .processNetworkSent: counter("Bytes sent in the process' network namespace.")
        case .scrapes:
            counter("Scrapes by HTTP status.", ["code"], [["200"], ["500"], ["503"]])
        case .scrapesInFlight: gauge("Scrapes being served.")

        case .packetsRejected: counter("Packets refused or ignored before they were a query.", ["reason"])
        case .hitDuration:
            histogram(.latency, "Time from query to reply, of queries answered from the cache at once.")
        case .missDuration: histogram(.latency, "Time from query to reply, of all others.")
        case .upstreamTimeouts: counter("Queries that an upstream did not answer in time.", ["to"])
        case .upstreamServers: gauge("Servers that a looked-up upstream leads to now.", ["name"])
        case .upstreamDiscoveryFailures:
            counter("Look-ups of an upstream's name that led to no server.", ["name"])
        case .upstreamLoops: counter("Times an upstream was found to lead back to us.", ["to"])
        case .upstreamLooping:
            gauge("Forward lines that leave the upstream out because it leads back to us.", ["to"])
        case .upstreamRetries: counter("Queries asked again, of the same or another upstream.")
        case .upstreamUnwantedReplies: counter("Replies that answer no question of ours, ignored.")
        case .upstreamQueued: counter("Queries that waited until an upstream had room for them.")
        case .upstreamConnectionFailures:
            counter("Connections to an upstream that could not be opened.", ["to"])
        case .upstreamHandshakeFailures: counter("TLS handshakes with an upstream that failed.", ["to"])
        case .coalesced: counter("Queries that waited for another client's identical one.")
        case .takenOver: counter("Questions that a killed worker had read, answered by the next one.")
        case .shed:
            counter("Queries refused without asking: a limit of ours, or no upstream is up.", ["reason"])
        case .searchAhead:
            counter("Questions asked ahead of a client's search list, and what became of them.", ["result"])
        case .cacheBytes: gauge("Memory the cached answers take in bytes.")
        case .cacheBudget: gauge("Memory cached answers may take in bytes.")
        case .memoryLimit: gauge("Memory that supervisor and worker may use together in bytes; 0: no limit.")
        case .interceptionActive:
            gauge("Whether DNS traffic of the address family reaches us.", ["family"])
        case .fallbackInstalled:
            gauge("Whether the kernel sends look-ups to cluster DNS while no agent lives.", ["family"])
        case .serviceProxy: gauge("What translates Services on the node is 1.", ["kind"])
        case .workerRestarts: counter("Starts of the worker process after the first one.")
        case .workerUp: gauge("Whether the worker process answers.")
        case .nodeNetworkRepairs: counter("Objects on the node put back because somebody removed them.")
        case .upstreamServiceMoves: counter("Times the upstream Service was found at other addresses.")
        case .configurationReloads:
            counter("Configurations read again.", ["result"], [["failure"], ["success"]])
        case .configurationCurrent: gauge("Whether the newest configuration is the one in use.")
        case .probeBindFailures: counter("Failed attempts to open a metrics or health port.")
        }
    }

    /// node-cache's five; dashboards alert on the sum.
    private static let setupErrorTypes = [
        ["configmap"], ["interface_add"], ["interface_check"], ["iptables"], ["iptables_lock"],
    ]

    private static func counter(
        _ help: String,
        _ labels: [String] = [],
        _ initial: [[String]] = []
    ) -> MetricDefinition {
        make(.counter, help, labels, initial)
    }

    private static func gauge(_ help: String, _ labels: [String] = []) -> MetricDefinition {
        make(.gauge, help, labels, [])
    }

    private static func histogram(
        _ buckets: Buckets,
        _ help: String,
        _ labels: [String] = []
    ) -> MetricDefinition {
        make(.histogram(buckets), help, labels, [])
    }

    private static func make(
        _ kind: MetricKind,
        _ help: String,
        _ labels: [String],
        _ initial: [[String]]
    ) -> MetricDefinition {
        // A family without labels has one series, and shows it from the start as Go's client does.
        MetricDefinition(
            kind: kind,
            help: help,
            labels: labels,
            initialSeries: labels.isEmpty ? [[]] : initial
        )
    }
}
