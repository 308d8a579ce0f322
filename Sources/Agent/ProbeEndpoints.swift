// The worker's HTTP ports: /metrics for every `prometheus` address, /health for every `health` line. They
// have an event loop of their own, so that a scrape delays no query; a busy port never stops DNS.

import Addresses
import Corefile
import Kernel
import Logging
import NIOCore
import NIOPosix
import Probes
import Synchronization
import Telemetry

/// Opens and closes probe servers as configurations come and go. Used by the control thread only.
final class ProbeEndpoints {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let logger: Logger
    private let scrapes = ScrapeCounter()
    private let live = LiveSources()
    private let supervisor: any MetricSource
    private var metrics: [Endpoint: ProbeServer] = [:]
    private var health: [Endpoint: (server: ProbeServer, check: HealthSelfCheck)] = [:]

    init(sources: [any MetricSource], supervisor: any MetricSource, logger: Logger) {
        self.logger = logger
        self.supervisor = supervisor
        live.fixed(sources + [ProcessMetrics(), scrapes])
    }

    /// The worker's numbers now, without the supervisor's.
    var numbers: MetricSnapshot { MetricSnapshot(of: [live]) }

    /// Serves what `configuration` asks for, and nothing else.
    func adopt(_ configuration: AgentConfiguration) {
        let wantedMetrics = Set(configuration.blocks.compactMap(\.prometheus).map { $0.endpoints }.joined())
        let wantedHealth = Set(configuration.blocks.compactMap(\.health).map { $0.endpoints }.joined())
        for (endpoint, server) in metrics where !wantedMetrics.contains(endpoint) {
            metrics[endpoint] = nil
            close(server)
        }
        for (endpoint, pair) in health where !wantedHealth.contains(endpoint) {
            health[endpoint] = nil
            close(pair.server)
            pair.check.stop()
        }
        let live = self.live
        for endpoint in wantedMetrics where metrics[endpoint] == nil {
            let routes = ProbeRoutes.metrics([live, supervisor], scrapes: scrapes)
            metrics[endpoint] = open(endpoint, "plugin/prometheus", routes)
        }
        for endpoint in wantedHealth where health[endpoint] == nil {
            let check = HealthSelfCheck(of: endpoint, group: group) { [logger] trouble in
                logger.warning(
                    "plugin/health: Local health request to \"http://\(endpoint)/health\" \(trouble.words)"
                )
            }
            check.start()
            health[endpoint] = (open(endpoint, "plugin/health", .health()), check)
        }
        live.changing(
            Array(metrics.values) + health.values.flatMap { [$0.server, $0.check] as [any MetricSource] }
        )
    }

    private func open(_ endpoint: Endpoint, _ plugin: String, _ routes: ProbeRoutes) -> ProbeServer {
        let server = ProbeServer(at: endpoint, routes: routes, group: group) { [logger] change in
            switch change {
            case .bound(let bound): logger.debug("\(plugin): listening on \(bound)")
            case .failed(let code):
                let reason = SystemError.text(of: code)
                logger.error(
                    "\(plugin): Failed to start handler: listen tcp \(endpoint): \(reason); trying again"
                )
            }
        }
        server.start()
        return server
    }

    private func close(_ server: ProbeServer) {
        Task { await server.stop() }
    }

    /// Closes all ports; the process is about to end.
    func stop() {
        for server in metrics.values { close(server) }
        for pair in health.values {
            pair.check.stop()
            close(pair.server)
        }
    }
}

/// The sources of a scrape; those of the ports themselves change with the configuration.
private final class LiveSources: MetricSource {
    private let sources = Mutex<(fixed: [any MetricSource], changing: [any MetricSource])>(([], []))

    func fixed(_ all: [any MetricSource]) { sources.withLock { $0.fixed = all } }

    func changing(_ all: [any MetricSource]) { sources.withLock { $0.changing = all } }

    func collect(into snapshot: inout MetricSnapshot) {
        let all = sources.withLock { $0.fixed + $0.changing }
        for source in all { source.collect(into: &snapshot) }
    }
}

extension HealthSelfCheck.Trouble {
    /// CoreDNS' words.
    fileprivate var words: String {
        switch self {
        case .failed(let error): "failed: \(error)"
        case .slow(let time): "took more than 1s: \(Double(time.nanoseconds) / 1e9)s"
        }
    }
}

extension PrometheusConfiguration {
    var endpoints: [Endpoint] { Endpoint.sockets(address, port: port) }
}

extension HealthConfiguration {
    var endpoints: [Endpoint] { Endpoint.sockets(address, port: port) }
}

extension Endpoint {
    /// The address, or for none the wildcard of IPv6, which takes IPv4 as well (Go's `:8080`).
    fileprivate static func sockets(_ address: IPAddress?, port: UInt16) -> [Endpoint] {
        [Endpoint(address ?? .unspecified(.v6), port: port)]
    }
}
