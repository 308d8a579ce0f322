// Numbers of the worker that nobody else has: build, plugins in use, memory of the caches; and the
// supervisor's, which the worker shows beside its own because node-cache shows both on both ports.

import AnswerCache
import Control
import Corefile
import DNSWire
import Plugins
import Resolution
import Synchronization
import Telemetry

/// The worker's own families.
final class WorkerNumbers: MetricSource {
    private let budget: ByteBudget
    /// name, server, zone
    private let plugins = Mutex<[[String]]>([])

    init(budget: ByteBudget) { self.budget = budget }

    /// CoreDNS shows the handlers of each block with `prometheus`, for its first zone.
    func adopt(_ plan: ServingPlan) {
        var plugins: [[String]] = []
        for (listener, table) in zip(plan.listeners.listeners, plan.tables) {
            for (index, planned) in plan.blocks.enumerated() where planned.block.isCounted {
                guard let zone = planned.configuration.zones.first?.name,
                    listener.routes.contains(where: { $0.block == index && $0.zone == zone })
                else { continue }
                let view = planned.configuration.condition ?? ""
                for name in planned.handlers { plugins.append([name, table.server, view, zone.description]) }
            }
        }
        self.plugins.withLock { [plugins] in $0 = plugins }
    }

    func collect(into snapshot: inout MetricSnapshot) {
        snapshot.add(
            .buildInfo,
            labels: [BuildVersion.compiler, BuildVersion.revision, BuildVersion.number],
            1.0
        )
        for labels in plugins.withLock({ $0 }) { snapshot.add(.pluginEnabled, labels: labels, 1.0) }
        snapshot.add(.cacheBytes, UInt64(budget.used))
        snapshot.add(.cacheBudget, UInt64(budget.limit))
    }
}

/// The supervisor's numbers as it last sent them.
final class SupervisorNumbers: MetricSource {
    private let last = Mutex(MetricSnapshot())

    /// A snapshot that cannot be read leaves the last one in place.
    func show(_ bytes: [UInt8]) {
        guard let snapshot = try? MetricSnapshot(decoding: bytes) else { return }
        last.withLock { $0 = snapshot }
    }

    func collect(into snapshot: inout MetricSnapshot) { snapshot.merge(last.withLock { $0 }) }
}

extension PlannedBlock {
    /// The plugins that handle queries, by CoreDNS' names.
    fileprivate var handlers: [String] {
        var names: [String] = []
        if block.cache != nil { names.append("cache") }
        if !block.taps.isEmpty { names.append("dnstap") }
        if block.logsErrors { names.append("errors") }
        if !block.forwards.isEmpty { names.append("forward") }
        if !block.logRules.isEmpty { names.append("log") }
        if block.detectsLoops { names.append("loop") }
        if block.isCounted { names.append("prometheus") }
        for case let plugin as any BlockPlugin in configuration.plugins
        where !names.contains(type(of: plugin).name) {
            names.append(type(of: plugin).name)
        }
        return names
    }
}
