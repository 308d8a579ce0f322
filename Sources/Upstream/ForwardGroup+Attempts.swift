// Sending a question's attempts, and what becomes of them: replies, deceit, failure, silence.

import DNSWire
import Resolution
import Timing

// MARK: - Sending

extension ForwardGroup {
    func send(_ question: Question, to server: UpstreamServer, at now: Instant) {
        let patience = server.latency.patience(settings.limits)
        question.attempts.started(patience: patience, at: now)
        let asker = Attempt.Asker(question: question, number: question.nextNumber)
        question.nextNumber += 1
        let path: Attempt.Path?
        switch settings.transport.transport(ofClient: question.query.clientTransport) {
        case .udp where openDatagrams >= settings.limits.datagrams:
            path = nil
        case .udp:
            server.counters.count(.openedUDP)
            path = .datagram(DatagramAsk(asker, to: server, in: self, at: now))
        case .tcp:
            path = stream(asker, to: server, at: now)
        }
        guard let path else { return fail(question, .crowded(server.endpoint), at: now) }
        question.add(Attempt(number: asker.number, server: server, path: path, lateAt: now + patience))
    }

    private func stream(_ asker: Attempt.Asker, to server: UpstreamServer, at now: Instant) -> Attempt.Path? {
        let connection: PooledConnection
        let wantsFresh = asker.question.wantsFreshConnection
        switch server.chooseConnection(fresh: wantsFresh, at: now) {
        case .existing(let existing):
            server.counters.count(.reusedTCP)
            connection = existing
        case .new:
            connection = openConnection(to: server, at: now)
        case .newInsteadOf(let silent):
            connection = openConnection(to: server, at: now)
            silent.close(because: LinkFailure(.read, .timedOut))
        case .none:
            return nil
        }
        return connection.send(asker, at: now).map { .stream(connection, id: $0) }
    }

    private func openConnection(to server: UpstreamServer, at now: Instant) -> PooledConnection {
        server.counters.count(.openedTCP)
        let jitter = settings.limits.maxAgeJitter.nanoseconds
        let spread = jitter == 0 ? 0 : network.random() % (2 * jitter)
        let shortest = settings.limits.maxAge.nanoseconds - min(jitter, settings.limits.maxAge.nanoseconds)
        let connection = PooledConnection(
            to: server,
            in: self,
            age: Interval(nanoseconds: shortest + spread)
        )
        server.add(connection)
        startSweeping(at: now)
        return connection
    }
}

// MARK: - What came back

extension ForwardGroup {
    /// A message with the attempt's id arrived.
    func received(
        _ message: Span<UInt8>,
        _ verdict: AnswerVerdict,
        after latency: Interval,
        for asker: Attempt.Asker
    ) {
        let question = asker.question
        guard let attempt = question.removeAttempt(asker.number) else { return }
        let server = attempt.server
        let now = network.now
        let code: ResponseCode
        switch verdict {
        case .anotherQuestion, .malformed:
            perform(server.health.failed(at: now), for: server)
            return fail(question, .badReply(verdict, from: server.endpoint), at: now)
        case .bareError(let bare):
            code = bare
        case .answers, .truncated:
            code = HeaderFlags(rawValue: message.uint16(at: 2)).responseCode
        }
        server.health.succeeded()
        server.latency.add(latency)
        server.counters.observe(latency, code)
        if case .datagram(let ask) = attempt.path {
            ask.close()
            if verdict == .truncated, settings.transport == .udpFirst {
                return askAgainOverTCP(question, attempt, at: now)
            }
        }
        let bytes =
            if case .bareError = verdict {
                question.query.reply(with: code)
            } else {
                message.array(0..<message.count)
            }
        let outcome = UpstreamOutcome.answered(bytes, from: server.endpoint)
        guard settings.failover.contains(code) else { return settle(question, outcome) }
        question.lastReply = outcome
        question.attempts.refused(by: server.index, at: now)
        advance(question, at: now)
    }

    /// The same attempt goes on over TCP (RFC 7766, 5).
    private func askAgainOverTCP(_ question: Question, _ attempt: Attempt, at now: Instant) {
        let asker = Attempt.Asker(question: question, number: attempt.number)
        guard let path = stream(asker, to: attempt.server, at: now) else {
            return fail(question, .crowded(attempt.server.endpoint), at: now)
        }
        var attempt = attempt
        attempt.path = path
        question.add(attempt)
    }

    /// A datagram with the right id is no answer: keep waiting for the right one, and ask elsewhere too.
    func deceived(_ failure: UpstreamFailure, _ asker: Attempt.Asker) {
        let question = asker.question
        guard question.markDeceived(asker.number) else { return }
        let now = network.now
        question.lastFailure = failure
        question.attempts.wasDeceived(at: now, health: health)
        advance(question, at: now)
    }

    /// The link of an attempt ended.
    func attemptFailed(_ asker: Attempt.Asker, _ failure: UpstreamFailure, onReused: Bool) {
        let question = asker.question
        guard let attempt = question.removeAttempt(asker.number) else { return }
        let now = network.now
        guard onReused else {
            perform(attempt.server.health.failed(at: now), for: attempt.server)
            return fail(question, failure, at: now)
        }
        question.lastFailure = failure
        question.wantsFreshConnection = true
        question.attempts.lostReused(server: attempt.server.index, at: now, health: health)
        advance(question, at: now)
    }

    private func fail(_ question: Question, _ failure: UpstreamFailure, at now: Instant) {
        question.lastFailure = failure
        question.attempts.failed(at: now, health: health)
        advance(question, at: now)
    }
}

// MARK: - Silence

extension ForwardGroup {
    /// Servers that were not answering in time are suspects, and their connections take no more questions.
    func noteLateness(of question: Question, at now: Instant) {
        for attempt in question.markLate(at: now) {
            attempt.server.counters.count(.timeout)
            if case .stream(let connection, let id) = attempt.path { connection.state.isLate(id) }
            perform(attempt.server.health.wasSlow(at: now), for: attempt.server)
        }
    }

    /// The question's time or its attempts are used up.
    func giveUp(_ question: Question, at now: Instant) {
        noteLateness(of: question, at: now)
        for attempt in question.openAttempts {
            perform(attempt.server.health.failed(at: now), for: attempt.server)
            guard !attempt.wasDeceived else { continue }
            question.lastFailure =
                switch attempt.path {
                case .datagram(let ask): ask.silence()
                case .stream(let connection, _): connection.silence()
                }
        }
        settle(question, question.lastReply ?? .failed(question.lastFailure ?? .noHealthyServer))
    }
}
