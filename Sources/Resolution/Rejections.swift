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

/// Counts rejections, with cells for each thread.
package final class RejectionCounters: MetricSource {
    private let cells: [CounterCells]
    private static let indices = Dictionary(
        uniqueKeysWithValues: Rejection.allCases.enumerated().map { ($1, $0) }
    )

    package init(threads: Int) {
        cells = (0..<threads).map { _ in CounterCells(count: Rejection.allCases.count) }
    }

    package func count(_ rejection: Rejection, thread: Int) {
        cells[thread].increment(Self.indices[rejection] ?? 0)
    }

    package func collect(into snapshot: inout MetricSnapshot) {
        for (index, rejection) in Rejection.allCases.enumerated() {
            let count = cells.reduce(UInt64(0)) { $0 &+ $1.value(at: index) }
            snapshot.add(.packetsRejected, labels: [rejection.rawValue], count)
        }
    }
}
