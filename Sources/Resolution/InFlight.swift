// Questions that upstream is working on, and who waits for each: one question per key, however many ask.
// A pure table; asking, answering and counting are MissDesk's.

import DNSWire
import Timing

/// What makes two questions the same one.
struct FlightKey: Hashable {
    let block: ObjectIdentifier
    /// In lower case.
    let name: [UInt8]
    let type: RecordType
    let recordClass: RecordClass
    let dnssecOK: Bool
    let checkingDisabled: Bool
    /// `forward` may ask over the client's transport, and what came over UDP may be cut.
    let transport: Transport
}

/// Waiting queries by question.
struct InFlightTable {
    private var flights: [FlightKey: [PendingQuery]] = [:]
    /// Waiting queries in all.
    private(set) var waiting = 0
    private let capacity: Int

    /// `capacity` bounds the memory that a dead upstream can cost: a waiting query takes some 500 octets.
    init(capacity: Int) {
        self.capacity = capacity
    }

    /// What became of a query that wants in.
    enum Admission: Equatable {
        /// Nobody has asked yet: the caller must.
        case first
        /// Somebody has; the answer will serve both.
        case joined
        /// The table is full.
        case full
    }

    mutating func admit(_ query: PendingQuery, as key: FlightKey) -> Admission {
        guard waiting < capacity else { return .full }
        waiting += 1
        if flights[key]?.append(query) != nil { return .joined }
        flights[key] = [query]
        return .first
    }

    /// Takes everybody who waits for `key` out of the table.
    mutating func complete(_ key: FlightKey) -> [PendingQuery] {
        let queries = flights.removeValue(forKey: key) ?? []
        waiting -= queries.count
        return queries
    }
}
