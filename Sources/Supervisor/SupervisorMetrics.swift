// The supervisor's numbers: counted on its main thread, read by the metrics server's, and sent to the worker so
// that 9253 shows them too.

import Addresses
import Control
import NodeNetwork
import Synchronization
package import Telemetry

/// All counters and gauges of the supervisor.
package final class SupervisorMetrics: MetricSource {
    /// The label of `coredns_nodecache_setup_errors_total`.
    package enum SetupError: String, CaseIterable, Sendable {
        case iptables
        case iptablesLock = "iptables_lock"
        case interfaceAdd = "interface_add"
        case interfaceCheck = "interface_check"
        case configMap = "configmap"
    }

    private let setupErrors = SetupError.allCases.map { ($0, SharedCounter()) }
    private let interception = IPAddress.Family.allCases.map { ($0, SharedGauge()) }
    private let fallback = IPAddress.Family.allCases.map { ($0, SharedGauge()) }
    private let serviceProxies = ServiceProxy.allCases.map { ($0, SharedGauge()) }
    let workerRestarts = SharedCounter()
    let workerFaults = SharedCounter()
    let workerIsUp = SharedGauge()
    /// Octets; zero without one.
    let memoryLimit = SharedGauge()
    let networkRepairs = SharedCounter()
    let upstreamMoves = SharedCounter()
    let reloads = SharedCounter()
    let failedReloads = SharedCounter()
    let configurationIsCurrent = SharedGauge()
    /// SHA-512 of the configuration in use.
    private let configurationHash = Mutex<String?>(nil)

    /// The ports of this process, which count how often they could not be opened.
    private let ports = Mutex<[any MetricSource]>([])

    package init() {}

    func show(_ ports: [any MetricSource]) { self.ports.withLock { $0 = ports } }

    func count(_ error: SetupError) {
        for (kind, counter) in setupErrors where kind == error { counter.add() }
    }

    func setConfiguration(hash: String) { configurationHash.withLock { $0 = hash } }

    func setInterception(_ families: Set<IPAddress.Family>) {
        for (family, gauge) in interception { gauge.set(families.contains(family) ? 1 : 0) }
    }

    func setFallback(_ isInstalled: (IPAddress.Family) -> Bool) {
        for (family, gauge) in fallback { gauge.set(isInstalled(family) ? 1 : 0) }
    }

    func setServiceProxy(_ detected: ServiceProxy) {
        for (kind, gauge) in serviceProxies { gauge.set(kind == detected ? 1 : 0) }
    }

    package func collect(into snapshot: inout MetricSnapshot) {
        for port in ports.withLock({ $0 }) { port.collect(into: &snapshot) }
        for (kind, counter) in setupErrors {
            snapshot.add(.setupErrors, labels: [kind.rawValue], counter.value)
        }
        for (family, gauge) in interception {
            snapshot.add(.interceptionActive, labels: [Self.label(family)], Double(gauge.value))
        }
        for (family, gauge) in fallback {
            snapshot.add(.fallbackInstalled, labels: [Self.label(family)], Double(gauge.value))
        }
        for (kind, gauge) in serviceProxies {
            snapshot.add(.serviceProxy, labels: [kind.rawValue], Double(gauge.value))
        }
        if let hash = configurationHash.withLock({ $0 }) {
            snapshot.add(.reloadVersion, labels: ["sha512", hash], 1)
        }
        snapshot.add(
            .buildInfo,
            labels: [BuildVersion.compiler, BuildVersion.revision, BuildVersion.number],
            1.0
        )
        snapshot.add(.workerRestarts, workerRestarts.value)
        snapshot.add(.panics, workerFaults.value)
        snapshot.add(.workerUp, Double(workerIsUp.value))
        snapshot.add(.memoryLimit, Double(memoryLimit.value))
        snapshot.add(.nodeNetworkRepairs, networkRepairs.value)
        snapshot.add(.upstreamServiceMoves, upstreamMoves.value)
        snapshot.add(.configurationReloads, labels: ["success"], reloads.value)
        snapshot.add(.configurationReloads, labels: ["failure"], failedReloads.value)
        snapshot.add(.reloadFailures, failedReloads.value)
        snapshot.add(.configurationCurrent, Double(configurationIsCurrent.value))
    }

    private static func label(_ family: IPAddress.Family) -> String { family == .v4 ? "ipv4" : "ipv6" }
}
