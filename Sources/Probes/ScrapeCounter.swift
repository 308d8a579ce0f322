// How often a metrics endpoint was read, in the names of Go's handler.

package import Telemetry

/// Counts the scrapes of one endpoint.
package final class ScrapeCounter: MetricSource {
    private let succeeded = SharedCounter()
    private let inFlight = SharedGauge()

    package init() {}

    func begin() { inFlight.add(1) }

    /// Called when the numbers were read, so that a scrape does not see its own end.
    func end() {
        inFlight.add(-1)
        succeeded.add()
    }

    package func collect(into snapshot: inout MetricSnapshot) {
        snapshot.add(.scrapes, labels: ["200"], succeeded.value)
        snapshot.add(.scrapesInFlight, inFlight.value)
    }
}
