// One server of a group: its health, its latency, and its few TCP connections. Which connection a question
// takes is decided here; what is sent on it is `ForwardGroup`'s.

import Addresses
import Resolution
import Timing

/// A server that questions are forwarded to.
final class UpstreamServer {
    /// Its place in the Corefile's list.
    let index: Int
    let endpoint: Endpoint
    /// Nil for plain DNS.
    let encryption: TLSPeer?
    let counters: ServerCounters
    var health: ServerHealth
    var latency = LatencyEstimate()
    /// The check that is under way.
    var check: HealthCheck?
    /// Open and opening ones; never more than twice `connectionsPerServer`.
    private(set) var connections: [PooledConnection] = []
    /// Questions that wait for an answer over UDP.
    var datagrams = 0
    var edns = EDNSMemory()
    private let limits: ForwardLimits
    private let maxIdleConnections: Int

    init(_ index: Int, _ endpoint: Endpoint, _ counters: ServerCounters, _ settings: ForwardSettings) {
        self.index = index
        self.endpoint = endpoint
        self.counters = counters
        encryption = settings.encryption[endpoint]
        health = ServerHealth(settings)
        limits = settings.limits
        maxIdleConnections = settings.maxIdleConnections
    }
}

// MARK: - Connections

extension UpstreamServer {
    /// Where the next question goes.
    enum Choice {
        case existing(PooledConnection)
        /// Open one and `add` it.
        case new
        /// As `new`, but end this one first: it has been silent, and there are too many.
        case newInsteadOf(PooledConnection)
        /// Every connection is full.
        case none
    }

    /// Takes the least busy connection, and another one while all are crowded.
    ///
    /// Connections that owe answers take no questions. They keep their place beside the usual number, since
    /// a slow answer is still an answer; when they are as many as that, the oldest one makes room.
    func chooseConnection(fresh: Bool, at now: Instant) -> Choice {
        var best: PooledConnection?
        var accepting = 0
        for connection in connections where connection.state.accepts(at: now) {
            accepting += 1
            guard !connection.state.isFull, !fresh || connection.state.isFresh else { continue }
            if connection.state.load < best?.state.load ?? .max { best = connection }
        }
        if let best, best.state.load < limits.crowd || accepting >= limits.connectionsPerServer {
            return .existing(best)
        }
        if accepting < limits.connectionsPerServer {
            guard connections.count >= 2 * limits.connectionsPerServer else { return .new }
            let oldest = connections.first { !$0.state.accepts(at: now) }
            return oldest.map { .newInsteadOf($0) } ?? .new
        }
        // All have been used and the question wants a fresh one: then the least busy has to do.
        return fresh ? chooseConnection(fresh: false, at: now) : .none
    }

    /// How a question travels that would like to go over `transport`: over TLS it is always a stream.
    func transport(_ transport: Transport) -> Transport { encryption == nil ? transport : .tcp }

    /// The same, for who opens a link.
    func carrier(over transport: Transport) -> Carrier { self.transport(transport) == .udp ? .udp : stream }

    /// What a stream goes through.
    var stream: Carrier { encryption.map { .tls($0) } ?? .tcp }

    /// Whether a question may be sent now. A server in doubt gets a few at a time, and none after a failure.
    func hasRoom(over transport: Transport, at now: Instant) -> Bool {
        if health.isPaused(at: now) != nil { return false }
        if health.isSuspect, load >= limits.crowd { return false }
        guard transport == .tcp else { return true }
        var accepting = 0
        for connection in connections where connection.state.accepts(at: now) {
            guard connection.state.isFull else { return true }
            accepting += 1
        }
        return accepting < limits.connectionsPerServer
    }

    /// Questions on their way, without those on connections that have fallen silent.
    private var load: Int {
        connections.reduce(datagrams) { $0 + ($1.state.isSilent ? 0 : $1.state.load) }
    }

    /// Whether `connection` is idle and one more than `max_idle_conns` allows.
    func hasTooManyIdle(with connection: PooledConnection) -> Bool {
        maxIdleConnections > 0 && connection.state.isIdle
            && connections.count { $0.state.isIdle } > maxIdleConnections
    }

    func add(_ connection: PooledConnection) { connections.append(connection) }

    func remove(_ connection: PooledConnection) { connections.removeAll { $0 === connection } }
}
