// What a pipelined TCP connection knows (RFC 7766, 6.2.1.1): which ids wait for an answer, whether it may
// take another question, and when it ends. A pure state machine: `PooledConnection` does the I/O.
//
// `Asker` is whoever wants the answer; a question that was answered elsewhere leaves its id behind as
// ownerless, so that the late answer finds it and the id is not given to another question meanwhile.
//
// An answer is late when its own time is over. Behind many others that time says nothing: the server works
// through a queue. Then silence of the whole connection tells, or that later questions were answered first.

import DNSWire
package import Resolution
package import Timing

/// The life of one connection.
package struct ConnectionState<Asker>: ~Copyable {
    private enum State {
        case connecting
        case open
        /// Takes no more questions, ends with the last answer.
        case draining
        case closed
    }

    private struct InFlight {
        var asker: Asker?
        let query: UpstreamQuery
        let sent: Instant
        /// Whether the connection had been used before; then its end says nothing about the server.
        let isReuse: Bool
        /// Whether so many were ahead of it that its wait says little.
        let isInCrowd: Bool
        var isOverdue = false
    }

    private var state = State.connecting
    private var inFlight: [UInt16: InFlight] = [:]
    /// Questions that have waited longer than the server's patience.
    private var overdue = 0
    private var answers = 0
    private var lastUse: Instant
    /// When anything was last heard of the other side; the beginning counts.
    private var lastSign: Instant
    /// When the youngest of the answered questions was sent.
    private var youngestAnswered: Instant
    private let dies: Instant
    private let expire: Interval
    private let limits: ForwardLimits

    /// A connection that is being opened; `age` is its `max_age` with the jitter in it.
    package init(_ settings: ForwardSettings, age: Interval, at now: Instant) {
        limits = settings.limits
        expire = settings.expire
        lastUse = now
        lastSign = now
        youngestAnswered = now
        dies = now + age
    }

    /// A question whose answer will not come.
    package struct Lost {
        package let asker: Asker
        package let wasReuse: Bool
    }

    /// What an arrived message means.
    package enum Reception {
        /// For this asker, after this time; the verdict says whether it is an answer.
        case reply(Asker, AnswerVerdict, latency: Interval)
        /// An answer to a question that was answered elsewhere meanwhile.
        case late(latency: Interval)
        /// Never asked, or not an answer to the question with its id.
        case unwanted
    }

    /// Whether an answer has kept its asker waiting for too long.
    package enum Lateness: Sendable, Hashable {
        case late
        /// The connection works: look again at this instant.
        case inTime(until: Instant)
    }
}

// MARK: - Questions

extension ConnectionState {
    /// Ids that wait for an answer, ownerless ones included.
    package var load: Int { inFlight.count }

    /// Whether it is not open yet.
    package var isConnecting: Bool {
        if case .connecting = state { true } else { false }
    }

    /// Whether it carries as many questions as it may.
    package var isFull: Bool { inFlight.count >= limits.depth }

    /// Whether answers are missing that should have come.
    package var isSilent: Bool { overdue > 0 }

    /// Whether the end has come.
    package var isClosed: Bool {
        if case .closed = state { true } else { false }
    }

    /// Whether it takes no more questions and owes no answer.
    package var isDone: Bool {
        if case .draining = state { inFlight.isEmpty } else { false }
    }

    /// Whether it is open and nobody waits for an answer.
    package var isIdle: Bool {
        if case .open = state { inFlight.isEmpty } else { false }
    }

    /// Whether nothing was ever sent on it: a retry after the end of a reused one wants such a connection.
    package var isFresh: Bool { answers == 0 }

    /// Whether another question may be sent, now or when there is room again.
    package func accepts(at now: Instant) -> Bool {
        guard overdue == 0 else { return false }
        switch state {
        case .connecting: return true
        // An idle connection that is about to expire would be used only to see it end.
        case .open: return now < dies && (!inFlight.isEmpty || now < lastUse + expire)
        case .draining, .closed: return false
        }
    }
}

// MARK: - What happened

extension ConnectionState {
    /// The connection is established.
    package mutating func opened(at now: Instant) {
        guard case .connecting = state else { return }
        state = .open
        lastUse = now
        lastSign = now
    }

    /// Takes a question and gives its id: the free one at or after `random`; nil when it takes none.
    package mutating func send(
        _ query: UpstreamQuery,
        for asker: Asker,
        random: UInt16,
        at now: Instant
    ) -> UInt16? {
        guard accepts(at: now), !isFull else { return nil }
        var id = random
        while inFlight[id] != nil { id &+= 1 }
        inFlight[id] = InFlight(
            asker: asker,
            query: query,
            sent: now,
            isReuse: answers > 0,
            isInCrowd: inFlight.count >= limits.crowd
        )
        lastUse = now
        return id
    }

    /// Takes a message of at least two octets.
    package mutating func received(_ message: Span<UInt8>, at now: Instant) -> Reception {
        guard message.count >= 2 else { return .unwanted }
        let id = message.uint16(at: 0)
        guard let entry = inFlight.removeValue(forKey: id) else { return .unwanted }
        lastUse = now
        lastSign = now
        youngestAnswered = max(youngestAnswered, entry.sent)
        answers += 1
        if entry.isOverdue { overdue -= 1 }
        let verdict = entry.query.judge(message)
        guard let asker = entry.asker else {
            return verdict.isSound ? .late(latency: now - entry.sent) : .unwanted
        }
        return .reply(asker, verdict, latency: now - entry.sent)
    }

    /// Judges a question that has waited for `patience`; while it is late, no new ones are taken.
    ///
    /// An overloaded server is not a dead one: asking it the same once more would only add to its load.
    package mutating func lateness(
        of id: UInt16,
        patience: Interval,
        at now: Instant
    ) -> Lateness {
        guard var entry = inFlight[id], !entry.isOverdue else { return .late }
        if entry.sent + patience > now { return .inTime(until: entry.sent + patience) }
        if entry.isInCrowd, lastSign + patience > now,
            youngestAnswered < entry.sent + patience / 2
        {
            return .inTime(until: lastSign + patience)
        }
        entry.isOverdue = true
        inFlight[id] = entry
        overdue += 1
        return .late
    }

    /// The asker has got its answer elsewhere, or has given up.
    package mutating func disown(_ id: UInt16) {
        inFlight[id]?.asker = nil
    }

    /// The connection ended: whoever still waits must ask elsewhere.
    package mutating func closed() -> [Lost] {
        state = .closed
        let lost = inFlight.values.compactMap { entry in
            entry.asker.map { Lost(asker: $0, wasReuse: entry.isReuse) }
        }
        inFlight = [:]
        overdue = 0
        return lost
    }

    /// No more questions; the connection ends with the last answer.
    package mutating func drain() {
        if case .closed = state { return }
        state = .draining
    }

    /// Whether it is time to close: idle for `expire`, or past its age and nobody waits any more.
    ///
    /// An answer that is owed for longer than a question lives will not come; the connection then takes no
    /// more questions, too.
    package mutating func mustClose(at now: Instant) -> Bool {
        switch state {
        case .connecting, .closed:
            return false
        case .open where now < dies && !owesTooLong(at: now):
            return inFlight.isEmpty && now >= lastUse + expire
        case .open, .draining:
            state = .draining
            return inFlight.values.allSatisfy { $0.asker == nil }
        }
    }

    private func owesTooLong(at now: Instant) -> Bool {
        inFlight.values.contains { now >= $0.sent + limits.budget }
    }
}
