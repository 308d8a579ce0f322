// What forwarding counts. The counters outlive the groups: a reload makes new groups for the same servers,
// and a counter that falls back to zero is a lie in every dashboard.

package import Addresses
package import DNSWire
import Resolution
import Synchronization
package import Telemetry
import Timing

/// The counters of all forward groups of one event loop, which is their only writer; anybody may read.
package final class UpstreamCounters: Sendable {
    private let servers = Mutex<[Endpoint: ServerCounters]>([:])
    private let discoveries = Mutex<[DomainName: DiscoveryCounters]>([:])
    let cells = CounterCells(count: Cell.allCases.count)

    /// All at zero.
    package init() {}

    /// What is counted for all servers together.
    package enum Cell: Int, CaseIterable, Sendable {
        /// `coredns_forward_healthcheck_broken_total`.
        case healthCheckBroken
        /// `coredns_forward_max_concurrent_rejects_total`.
        case tooManyQuestions
        /// `nodelocal_upstream_retries_total`: attempts beyond a question's first.
        case retries
        /// `nodelocal_upstream_unwanted_replies_total`: wrong id or question.
        case unwantedReplies
        /// `nodelocal_upstream_queued_total`: questions that waited for a server to have room.
        case queued
    }

    /// The counters of a server; the same ones for the same address at any time.
    package func server(_ endpoint: Endpoint) -> ServerCounters {
        servers.withLock { servers in
            if let known = servers[endpoint] { return known }
            let new = ServerCounters(endpoint)
            servers[endpoint] = new
            return new
        }
    }

    /// The numbers of a name that leads to servers; the same ones for the same name at any time.
    package func discovery(of name: DomainName) -> DiscoveryCounters {
        discoveries.withLock { discoveries in
            if let known = discoveries[name] { return known }
            let new = DiscoveryCounters(name)
            discoveries[name] = new
            return new
        }
    }

    /// Every name that was ever looked up, in a stable order.
    package var allDiscoveries: [DiscoveryCounters] {
        discoveries.withLock { Array($0.values) }.sorted { $0.label < $1.label }
    }

    /// Every server that was ever asked, in a stable order.
    package var allServers: [ServerCounters] {
        servers.withLock { Array($0.values) }.sorted { $0.label < $1.label }
    }

    /// What one counter shows now; from any thread.
    package func value(_ cell: Cell) -> UInt64 { cells.value(at: cell.rawValue) }

    func count(_ cell: Cell) { cells.increment(cell.rawValue) }
}

/// What is counted for a name that leads to servers.
package final class DiscoveryCounters: Sendable {
    /// The value of the label `name`.
    package let label: String
    /// `nodelocal_upstream_servers`.
    package let servers = SharedGauge()
    /// `nodelocal_upstream_discovery_failures_total`.
    package let failures = SharedCounter()

    fileprivate init(_ name: DomainName) { label = name.description }
}

/// The counters of one server.
package final class ServerCounters: Sendable {
    package let endpoint: Endpoint
    /// The value of the label `to`.
    package let label: String
    /// Cells of `Cell`, then one histogram of `Buckets.duration` for each response code.
    package let cells = CounterCells(
        count: Cell.allCases.count + codeCount * Buckets.duration.cellCount
    )

    /// The codes that a header's four bits can hold.
    package static let codeCount = 16

    fileprivate init(_ endpoint: Endpoint) {
        self.endpoint = endpoint
        label = endpoint.description
    }

    /// What is counted for each server.
    package enum Cell: Int, CaseIterable, Sendable {
        /// `coredns_proxy_conn_cache_hits_total`: sent on an existing connection.
        case reusedUDP
        case reusedTCP
        /// `coredns_proxy_conn_cache_misses_total`: a new connection.
        case openedUDP
        case openedTCP
        /// The same over TLS; CoreDNS' label is `tcp-tls`.
        case reusedTLS
        case openedTLS
        /// `coredns_proxy_healthcheck_failures_total`.
        case failedCheck
        /// `nodelocal_upstream_timeouts_total`: attempts that were not answered within the patience.
        case timeout
        /// `nodelocal_upstream_connection_failures_total`: connections that could not be opened.
        case failedConnection
        /// `nodelocal_upstream_tls_failures_total`: TLS handshakes that failed.
        case failedHandshake
        /// `nodelocal_upstream_loops_total`.
        case loopFound
        case loopGone
    }

    /// What one counter shows now; from any thread.
    package func value(_ cell: Cell) -> UInt64 { cells.value(at: cell.rawValue) }

    /// Where the histogram of a code starts in `cells`.
    package static func histogram(of code: ResponseCode) -> Int {
        Cell.allCases.count + (Int(code.rawValue) & (codeCount - 1)) * Buckets.duration.cellCount
    }

    func count(_ cell: Cell) { cells.increment(cell.rawValue) }

    func observe(_ latency: Interval, _ code: ResponseCode) {
        cells.observeDuration(nanoseconds: latency.nanoseconds, at: Self.histogram(of: code))
    }
}
