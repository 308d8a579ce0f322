// How often a metrics endpoint was read, in the names of Go's handler.

package import Telemetry

/// Counts the scrapes of one endpoint.
package final class ScrapeCounter: MetricSource {
    private let succeeded = SharedCounter()
    private let inFlight = SharedGauge()

    package init() {}

    /// Makes a response, and counts it when it is made, so that a scrape does not see itself.
    func counting(_ respond: ProbeRoutes.Responder) -> ProbeResponse {
        inFlight.add(1)
        let response = respond()
        inFlight.add(-1)
        succeeded.add()
        return response
    }

    package func collect(into snapshot: inout MetricSnapshot) {
        snapshot.add(.scrapes, labels: ["200"], succeeded.value)
        snapshot.add(.scrapesInFlight, inFlight.value)
    }
}
