// One question under way: the state machine of its attempts, who waits for it, and what is open for it.

import Addresses
import Resolution
import Timing

/// A question that `ForwardGroup` works on.
final class Question {
    let query: UpstreamQuery
    var attempts: QueryAttempts
    /// Nil once the question is settled.
    private var completion: ((UpstreamOutcome) -> Void)?
    private(set) var openAttempts: [Attempt] = []
    /// The number of the next attempt.
    var nextNumber = 0
    /// The last reply with a `failover` code: better than a failure of our own.
    var lastReply: UpstreamOutcome?
    var lastFailure: UpstreamFailure?
    /// When the question is looked at next; earlier entries of the deadline queue are out of date.
    var wakes: Instant?
    /// Whether `ask` is still running: no outcome may be delivered before it returns.
    var isBeingAsked = true
    /// Whether its steps are being taken: what happens meanwhile is seen there.
    var isAdvancing = false
    /// Whether it stands in the group's queue.
    var isQueued = false
    /// Whether a reused connection has just been lost: the retry goes out on a fresh one.
    var wantsFreshConnection = false

    init(
        _ query: UpstreamQuery,
        _ attempts: consuming QueryAttempts,
        completion: @escaping (UpstreamOutcome) -> Void
    ) {
        self.query = query
        self.attempts = attempts
        self.completion = completion
    }

    var isSettled: Bool { completion == nil }

    /// Takes the completion out; nil for everybody but the first.
    func settle() -> ((UpstreamOutcome) -> Void)? {
        defer { completion = nil }
        return completion
    }
}

// MARK: - Attempt

/// One server that was asked and has not answered.
struct Attempt {
    /// Counts within its question: one server may be asked twice at the same time.
    let number: Int
    let server: UpstreamServer
    var path: Path
    /// When the server's patience is over.
    var lateAt: Instant
    var usesEDNS = true
    var wasRepeatedWithoutEDNS = false
    var isLate = false
    var wasDeceived = false

    var transport: Transport {
        switch path {
        case .datagram: .udp
        case .stream: .tcp
        }
    }

    /// How an attempt went out.
    enum Path {
        case datagram(DatagramAsk)
        case stream(PooledConnection, id: UInt16)
    }

    /// For whom a connection waits: an attempt of a question.
    struct Asker {
        let question: Question
        let number: Int
        /// As it is sent: the question's own, or without EDNS.
        let query: UpstreamQuery
    }
}

/// How an attempt's link ended.
enum AttemptEnd {
    /// `isNobodyThere`: the network says that there is no such server.
    case failure(isNobodyThere: Bool)
    /// Nothing came, be it in answer to a dial.
    case silence
    /// The other side closed a connection that it had answered on before: that says nothing about the server.
    case reusedLinkLost
}

extension Question {
    func add(_ attempt: Attempt) { openAttempts.append(attempt) }

    /// Forgets an attempt; nil when it is known no more.
    func removeAttempt(_ number: Int) -> Attempt? {
        guard let index = openAttempts.firstIndex(where: { $0.number == number }) else { return nil }
        return openAttempts.remove(at: index)
    }

    /// Forgets all attempts.
    func removeAllAttempts() -> [Attempt] {
        defer { openAttempts = [] }
        return openAttempts
    }

    /// When the next attempt's patience is over; nil when all are late.
    var nextLateness: Instant? {
        var next: Instant?
        for attempt in openAttempts where !attempt.isLate {
            next = min(next ?? attempt.lateAt, attempt.lateAt)
        }
        return next
    }

    /// Asks `judge` about the attempts whose patience is over: until when they have time, or nil when they are
    /// late. Returns until when the youngest attempt has time.
    func markLate(at now: Instant, _ judge: (Attempt) -> Instant?) -> Instant? {
        for index in openAttempts.indices
        where openAttempts[index].lateAt <= now && !openAttempts[index].isLate {
            if let later = judge(openAttempts[index]) {
                openAttempts[index].lateAt = later
            } else {
                openAttempts[index].isLate = true
            }
        }
        guard let youngest = openAttempts.last, youngest.number == nextNumber - 1, !youngest.isLate else {
            return nil
        }
        return youngest.lateAt
    }

    /// Whether this is the first bad message for the attempt.
    func markDeceived(_ number: Int) -> Bool {
        guard let index = openAttempts.firstIndex(where: { $0.number == number }),
            !openAttempts[index].wasDeceived
        else { return false }
        openAttempts[index].wasDeceived = true
        return true
    }
}
