// Everything before the loop, in the order that keeps a node's DNS safe: configuration checked, sockets opened,
// link and addresses made. A failure here touches nothing that an earlier agent left working.

import Addresses
import Control
import Corefile
import Glibc
import Kernel
package import Logging
import NIOPosix
import NodeNetwork
import Probes
import Telemetry
import Timing

extension Supervisor {
    /// Runs an agent in this process until it is told to end; the exit code. Call it on the main thread, before
    /// any other thread was started.
    package static func run(
        _ options: SupervisorOptions,
        world: SupervisorWorld,
        log: Logger
    ) -> CInt {
        log.info("Starting node-cache image: \(options.version)")
        log.info("Using Corefile \(options.corefilePath)")
        log.info("Using Pidfile \(options.pidFile ?? "")")
        do {
            let supervisor = try make(options, world, log)
            return supervisor.run()
        } catch {
            log.critical("\(error)")
            return 1
        }
    }

    private static func make(
        _ options: SupervisorOptions,
        _ world: SupervisorWorld,
        _ log: Logger
    ) throws -> Supervisor {
        ClosingOrder.putOffUnmounting()
        let signals = try SignalDescriptor()
        Privileges.forbidCoreDumps()
        if let path = options.pidFile { try? Files.remove(path) }
        let metrics = SupervisorMetrics()
        var source = ConfigurationSource(options, environment: world.environment)
        let lastGood = LastGoodConfiguration(options)
        let (configuration, isStandIn) = try firstConfiguration(&source, lastGood, metrics, log)
        var sockets = SocketKeeper(threads: options.threads)
        _ = try sockets.open(for: configuration.plan)
        let serviceProxy = lookAtServices(world, metrics, log)
        let heartbeat =
            options.deadMan > .zero && options.setsUpRules
            ? try Heartbeat(of: options.localAddresses, dnsPort: options.dnsPort) : nil
        let plan = networkPlan(options, serviceProxy, heartbeat?.port, world, log)
        let network = try world.makeNetwork(plan)
        let link = network.setUpLink()
        link.tell(log, metrics)
        guard !link.failures.contains(where: { $0.reason.code == EPERM }) else {
            network.tearDown().tell(log, metrics)
            throw StartProblem(description: "The node's network cannot be set up, Exiting")
        }
        network.installFallback().tell(log, metrics)
        metrics.setFallback(network.isFallbackInstalled)
        let serviceManager = ServiceManager(path: world.environment("NOTIFY_SOCKET"))
        let readiness = Readiness(serviceManager: serviceManager)
        let snapshots = WorkerSnapshots()
        serveProbes(metrics, snapshots, readiness, options, log)
        return try Supervisor(
            options: options,
            times: options.timesWithFlags,
            world: world,
            log: log,
            metrics: metrics,
            signals: signals,
            source: source,
            sockets: sockets,
            network: network,
            servedAddresses: plan.addresses,
            serviceProxy: serviceProxy,
            configuration: configuration,
            lastGood: lastGood,
            startsWithStandIn: isStandIn,
            readiness: readiness,
            readyDoor: openDoor(options.readySocket, log),
            heartbeat: heartbeat,
            snapshots: snapshots
        )
    }

    private struct StartProblem: Error, CustomStringConvertible {
        let description: String
    }

    private static func firstConfiguration(
        _ source: inout ConfigurationSource,
        _ lastGood: LastGoodConfiguration,
        _ metrics: SupervisorMetrics,
        _ log: Logger
    ) throws(StartProblem) -> (CheckedConfiguration, isStandIn: Bool) {
        let reading = source.read()
        for notice in reading.notices {
            log.log(level: notice.severity.level, "\(notice.text)")
            if notice.severity == .error { metrics.count(.configMap) }
        }
        if let configuration = reading.changed { return (configuration, false) }
        if let configuration = lastGood.load() {
            log.error("Starting with the last good configuration, \(lastGood.path)")
            return (configuration, true)
        }
        guard let configuration = source.builtIn() else {
            throw StartProblem(
                description: "No configuration to start with, Exiting: mend the template, and try it with "
                    + "'node-local-dns check'; what is wrong with it stands above"
            )
        }
        log.error("Starting with the built-in configuration: a cache of what cluster DNS says")
        return (configuration, true)
    }

    private static func lookAtServices(
        _ world: SupervisorWorld,
        _ metrics: SupervisorMetrics,
        _ log: Logger
    ) -> ServiceProxy {
        let found = world.detectServiceProxy()
        log.info("Services are translated by \(found.rawValue)")
        metrics.setServiceProxy(found)
        return found
    }

    private static func networkPlan(
        _ options: SupervisorOptions,
        _ serviceProxy: ServiceProxy,
        _ heartbeatPort: UInt16?,
        _ world: SupervisorWorld,
        _ log: Logger
    ) -> NetworkPlan {
        let plan = NetworkPlan(
            options,
            upstream: UpstreamService(options, world.environment).addresses,
            serviceProxy: serviceProxy,
            heartbeatPort: heartbeatPort
        )
        for address in options.localAddresses where !plan.addresses.contains(address) {
            log.warning(
                "\(address) stays with kube-proxy, which uses IPVS: take it out of -localip and of the Corefile"
            )
        }
        return plan
    }

    /// Opens /metrics and /ready; each is tried again while somebody else has its port.
    private static func serveProbes(
        _ metrics: SupervisorMetrics,
        _ snapshots: WorkerSnapshots,
        _ readiness: Readiness,
        _ options: SupervisorOptions,
        _ log: Logger
    ) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let scrapes = ScrapeCounter()
        let ready = options.readyEndpoint.map { endpoint in
            ProbeServer(at: endpoint, routes: readiness.routes, group: group) { change in
                tell(change, "ready", endpoint, "Readiness of this agent on", "/ready", log)
            }
        }
        let endpoint = options.metricsEndpoint
        let served = ProbeServer(
            at: endpoint,
            routes: .metrics([metrics, ProcessMetrics()], scrapes: scrapes) { snapshots.numbers($0) },
            group: group
        ) { change in
            tell(change, "metrics", endpoint, "Metrics on", "/metrics", log)
        }
        metrics.show([scrapes, served] + [ready].compactMap { $0 })
        served.start()
        ready?.start()
    }

    private static func tell(
        _ change: ProbeServer.Change,
        _ name: String,
        _ endpoint: Endpoint,
        _ words: String,
        _ path: String,
        _ log: Logger
    ) {
        switch change {
        case .bound(let bound): log.info("\(words) http://\(bound)\(path)")
        case .failed(let errno):
            let reason = SystemError.text(of: errno)
            log.error("Failed to start \(name) handler: listen tcp \(endpoint): \(reason); trying again")
        }
    }

    /// Without it the kubelet takes the agent for one that is not ready; the node's DNS is served all the same.
    private static func openDoor(_ path: String?, _ log: Logger) -> LocalListener? {
        guard let path else { return nil }
        do throws(SystemError) {
            return try LocalListener(at: path)
        } catch {
            log.error("'node-local-dns ready' will not be answered: \(error)")
            return nil
        }
    }
}

extension SupervisorOptions {
    fileprivate var timesWithFlags: SupervisorTimes {
        var times = times
        times.networkSync = syncInterval
        times.grace = gracePeriod
        times.deadMan = setsUpRules ? deadMan : .zero
        return times
    }
}

// MARK: - Saying what happened

extension NetworkReport {
    /// Logs all, counts the failures.
    func tell(_ log: Logger, _ metrics: SupervisorMetrics) {
        for change in changes {
            log.log(level: change.severity == .warning ? .warning : .info, "\(change)")
        }
        for failure in failures { failure.tell(log, metrics) }
    }
}

extension NodeNetworkError {
    func tell(_ log: Logger, _ metrics: SupervisorMetrics) {
        log.error("\(self)")
        if let kind = SupervisorMetrics.SetupError(rawValue: errorType.rawValue) { metrics.count(kind) }
    }
}

extension SupervisorState.Severity {
    var level: Logger.Level {
        switch self {
        case .info: .info
        case .warning: .warning
        case .error: .error
        case .fatal: .critical
        }
    }
}

extension CheckedConfiguration {
    /// One line per zone and listener, as node-cache prints them at its start.
    var zoneLines: [String] {
        plan.listeners.flatMap { listener in
            listener.routes.map { route in
                let place = listener.endpoint.address.map { " on \($0)" } ?? ""
                return "\(route.zone):\(listener.endpoint.port)\(place)"
            }
        }
    }
}
