// Which families forwarding shows: CoreDNS' own, the ones it gave up and dashboards still draw, and ours.
// Like CoreDNS, a series appears with its first event.

import DNSWire
import Resolution
package import Telemetry

extension UpstreamCounters: MetricSource {
    package func collect(into snapshot: inout MetricSnapshot) {
        snapshot.add(.forwardHealthcheckBroken, value(.healthCheckBroken))
        snapshot.add(.forwardConcurrencyRejects, value(.tooManyQuestions))
        snapshot.add(.upstreamRetries, value(.retries))
        snapshot.add(.upstreamUnwantedReplies, value(.unwantedReplies))
        snapshot.add(.upstreamQueued, value(.queued))
        for discovery in allDiscoveries {
            snapshot.add(.upstreamServers, labels: [discovery.label], Double(discovery.servers.value))
            snapshot.add(.upstreamDiscoveryFailures, labels: [discovery.label], discovery.failures.value)
        }
        for server in allServers { server.collect(into: &snapshot) }
    }
}

extension ServerCounters {
    /// CoreDNS' label for whose connections these are.
    private static let proxyName = "forward"

    fileprivate func collect(into snapshot: inout MetricSnapshot) {
        let connections: [(MetricFamily, String, Cell)] = [
            (.proxyConnectionHits, "udp", .reusedUDP),
            (.proxyConnectionHits, "tcp", .reusedTCP),
            (.proxyConnectionHits, "tcp-tls", .reusedTLS),
            (.proxyConnectionMisses, "udp", .openedUDP),
            (.proxyConnectionMisses, "tcp", .openedTCP),
            (.proxyConnectionMisses, "tcp-tls", .openedTLS),
        ]
        for (family, transport, cell) in connections where value(cell) > 0 {
            snapshot.add(family, labels: [transport, Self.proxyName, label], value(cell))
        }
        if value(.failedCheck) > 0 {
            snapshot.add(.proxyHealthcheckFailures, labels: [Self.proxyName, label], value(.failedCheck))
            snapshot.add(.forwardHealthcheckFailures, labels: [label], value(.failedCheck))
        }
        let failures: [(MetricFamily, Cell)] = [
            (.upstreamTimeouts, .timeout),
            (.upstreamConnectionFailures, .failedConnection),
            (.upstreamHandshakeFailures, .failedHandshake),
        ]
        // Ours are there from the start: a rate sees also the first event.
        for (family, cell) in failures { snapshot.add(family, labels: [label], value(cell)) }
        if value(.loopFound) > 0 {
            snapshot.add(.upstreamLoops, labels: [label], value(.loopFound))
            snapshot.add(.upstreamLooping, labels: [label], Double(value(.loopFound) - value(.loopGone)))
        }
        for number in 0..<Self.codeCount {
            collectReplies(ResponseCode(rawValue: UInt16(number)), into: &snapshot)
        }
    }

    private func collectReplies(_ code: ResponseCode, into snapshot: inout MetricSnapshot) {
        let base = Self.histogram(of: code)
        let count = (base..<(base + Buckets.duration.count)).reduce(0) { $0 + cells.value(at: $1) }
        guard count > 0 else { return }
        let name = code.description
        snapshot.addHistogram(.proxyDuration, labels: [Self.proxyName, name, label], cells: cells, at: base)
        snapshot.addHistogram(.forwardDuration, labels: [name, label], cells: cells, at: base)
        snapshot.add(.forwardResponses, labels: [name, label], count)
        snapshot.add(.forwardRequests, labels: [label], count)
    }
}
