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
    private struct State {
        var supervisor = MetricSnapshot()
        /// name, server, zone
        var plugins: [[String]] = []
    }

    private let budget: ByteBudget
    private let state = Mutex(State())

    init(budget: ByteBudget) { self.budget = budget }

    /// A snapshot that cannot be read leaves the last one in place.
    func show(supervisor bytes: [UInt8]) {
        guard let snapshot = try? MetricSnapshot(decoding: bytes) else { return }
        state.withLock { $0.supervisor = snapshot }
    }

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
        state.withLock { [plugins] in $0.plugins = plugins }
    }

    func collect(into snapshot: inout MetricSnapshot) {
        let (supervisor, plugins) = state.withLock { ($0.supervisor, $0.plugins) }
        snapshot.merge(supervisor)
        snapshot.add(
            .buildInfo,
            labels: [BuildVersion.compiler, BuildVersion.revision, BuildVersion.number],
            1.0
        )
        for labels in plugins { snapshot.add(.pluginEnabled, labels: labels, 1.0) }
        snapshot.add(.cacheBytes, UInt64(budget.used))
        snapshot.add(.cacheBudget, UInt64(budget.limit))
    }
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
