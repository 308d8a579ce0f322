// Numbers of all packet threads together that no query and no zone owns.

package import Telemetry

/// Counts what packet threads do rarely.
package final class DatagramCounters: MetricSource {
    let takenOver = SharedCounter()

    package init() {}

    package func collect(into snapshot: inout MetricSnapshot) { snapshot.add(.takenOver, takenOver.value) }
}
