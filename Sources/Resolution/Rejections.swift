// Packets that got no answer, or an early one: CoreDNS counts them nowhere, and an operator wonders.

import DNSWire
package import Telemetry

/// Label `reason` of `nodelocal_packets_rejected_total`.
package enum Rejection: String, CaseIterable, Sendable {
    case short
    case response
    case malformed
    case opcode
    case ednsVersion = "edns_version"

    init(_ code: ResponseCode) {
        self =
            switch code {
            case .notImplemented: .opcode
            case .badVersion: .ednsVersion
            default: .malformed
            }
    }
}

extension Query.Reason {
    var rejection: Rejection {
        switch self {
        case .short: .short
        case .response: .response
        }
    }
}

/// Counts rejections of all threads: rare enough to share cells.
package final class RejectionCounters: MetricSource {
    /// Misses that were not asked because upstream is lost.
    let unreachable = SharedCounter()
    private let counters = Rejection.allCases.map { (rejection: $0, counter: SharedCounter()) }

    package init() {}

    package func count(_ rejection: Rejection) {
        counters.first { $0.rejection == rejection }?.counter.add()
    }

    package func collect(into snapshot: inout MetricSnapshot) {
        for (rejection, counter) in counters {
            snapshot.add(.packetsRejected, labels: [rejection.rawValue], counter.value)
        }
        snapshot.add(.shed, labels: ["upstreams_down"], unreachable.value)
    }
}
