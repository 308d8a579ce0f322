// Counters of plugins, by family and labels. They outlive reloads, as everything does that a rate is made of.

import Synchronization
package import Telemetry

/// What the plugins of all blocks count.
package final class PluginNumbers: MetricSource {
    private struct Key: Hashable {
        let family: MetricFamily
        let labels: [String]
    }

    private let counts = Mutex<[Key: Double]>([:])

    /// The name of the node.
    let host: String
    /// Seconds since 1970.
    let wallClock: @Sendable () -> UInt32

    package init(host: String, wallClock: @escaping @Sendable () -> UInt32) {
        self.host = host
        self.wallClock = wallClock
    }

    /// Adds one to a counter; not for the way of a hit.
    package func count(_ family: MetricFamily, _ labels: [String]) {
        counts.withLock { $0[Key(family: family, labels: labels), default: 0] += 1 }
    }

    /// Sets a gauge.
    package func set(_ family: MetricFamily, _ labels: [String], _ value: Double) {
        counts.withLock { $0[Key(family: family, labels: labels)] = value }
    }

    package func collect(into snapshot: inout MetricSnapshot) {
        for (key, value) in counts.withLock({ $0 }) {
            snapshot.add(key.family, labels: key.labels, value)
        }
    }
}
