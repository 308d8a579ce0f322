// Questions that upstream is working on, and who waits for each: one question per key, however many ask.
// A pure table; asking, answering and counting are MissDesk's.

import Addresses
import DNSWire
import Timing

/// What makes two questions the same one.
struct FlightKey: Hashable {
    /// Of the name, with this process' key; the rest tells few questions apart.
    let hash: UInt64
    let block: ObjectIdentifier
    let name: DomainName
    let type: RecordType
    let recordClass: RecordClass
    let dnssecOK: Bool
    let checkingDisabled: Bool
    /// `forward` may ask over the client's transport, and what came over UDP may be cut; TCP where it does not.
    var transport: Transport
    /// Only where a plugin tells its clients apart.
    let client: Endpoint?

    func hash(into hasher: inout Hasher) { hasher.combine(hash ^ UInt64(type.rawValue)) }
}

/// A question on its way, and who waits for the answer.
struct Flight {
    /// Tells apart flights that had the same key one after the other.
    let number: UInt64
    let startedAt: Instant
    var waiting: [PendingQuery]
    /// Whether it was decided when those who have a stale answer stop to wait.
    var hasPatienceTimer = false
}

/// Waiting queries by question.
struct InFlightTable {
    private var flights: [FlightKey: Flight] = [:]
    private var flightsStarted: UInt64 = 0
    /// Waiting queries in all.
    private(set) var waiting = 0
    /// Bounds the memory that a dead upstream can cost.
    var capacity: Int

    /// As many as a configuration says; more than the default would wait longer than they want to.
    init(capacity: Int = 50_000) {
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

    mutating func admit(_ query: PendingQuery, as key: FlightKey, at now: Instant) -> Admission {
        guard waiting < capacity else { return .full }
        waiting += 1
        if flights[key]?.waiting.append(query) != nil { return .joined }
        flightsStarted += 1
        flights[key] = Flight(number: flightsStarted, startedAt: now, waiting: [query])
        return .first
    }

    /// The question's flight, if it is under way.
    subscript(key: FlightKey) -> Flight? { flights[key] }

    /// Takes the flight and everybody who waits for it out of the table; nil when there is none.
    mutating func complete(_ key: FlightKey) -> Flight? {
        guard let flight = flights.removeValue(forKey: key) else { return nil }
        waiting -= flight.waiting.count
        return flight
    }
}

// MARK: - Patience

extension InFlightTable {
    /// Whether the caller must set the timer of the flight: the first time true, then false.
    mutating func needsPatienceTimer(_ key: FlightKey) -> Bool {
        guard flights[key]?.hasPatienceTimer == false else { return false }
        flights[key]?.hasPatienceTimer = true
        return true
    }

    /// Takes those out who have a stale answer to fall back on; the flight goes on. Empty when flight `number`
    /// has landed.
    mutating func releaseVerifying(_ key: FlightKey, number: UInt64) -> [PendingQuery] {
        guard var flight = flights[key], flight.number == number else { return [] }
        let released = flight.waiting.filter { $0.reason == .verify }
        flight.waiting.removeAll { $0.reason == .verify }
        flights[key] = flight
        waiting -= released.count
        return released
    }
}
