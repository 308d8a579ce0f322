// Sending a question's attempts, and what becomes of them: replies, deceit, failure, silence.

import DNSWire
import Resolution
import Timing

// MARK: - Sending

extension ForwardGroup {
    func send(_ question: Question, to server: UpstreamServer, at now: Instant) {
        let patience = server.latency.patience(settings.limits)
        question.attempts.started(patience: patience, at: now)
        let query = server.edns.isSpoken(at: now) ? question.query : question.query.withoutEDNS
        let asker = Attempt.Asker(question: question, number: question.nextNumber, query: query)
        question.nextNumber += 1
        let transport = server.transport(transport(of: question))
        guard let path = open(asker, to: server, over: transport, at: now) else {
            return fail(question, .crowded(server.endpoint), at: now)
        }
        question.add(
            Attempt(
                number: asker.number,
                server: server,
                path: path,
                lateAt: now + patience,
                usesEDNS: query.hasEDNS
            )
        )
    }

    /// Nil when the server has no room.
    private func open(
        _ asker: Attempt.Asker,
        to server: UpstreamServer,
        over transport: Transport,
        at now: Instant
    ) -> Attempt.Path? {
        switch transport {
        case .udp where !hasSockets(for: .udp): return nil
        case .udp:
            server.counters.count(.openedUDP)
            return .datagram(DatagramAsk(asker, to: server, in: self, at: now))
        case .tcp: return stream(asker, to: server, at: now)
        }
    }

    private func stream(_ asker: Attempt.Asker, to server: UpstreamServer, at now: Instant) -> Attempt.Path? {
        let connection: PooledConnection
        let wantsFresh = asker.question.wantsFreshConnection
        switch server.chooseConnection(fresh: wantsFresh, at: now) {
        case .existing(let existing):
            server.counters.count(server.encryption == nil ? .reusedTCP : .reusedTLS)
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
        server.counters.count(server.encryption == nil ? .openedTCP : .openedTLS)
        let jitter = settings.limits.maxAgeJitter.nanoseconds
        let spread = jitter == 0 ? 0 : network.random() % jitter
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
        guard let code = verdict.code(of: message) else {
            noteFailure(of: server, at: now)
            return fail(question, .badReply(verdict, from: server.endpoint), at: now)
        }
        answered(server)
        server.latency.add(latency)
        server.counters.observe(latency, code)
        if case .datagram(let ask) = attempt.path { ask.close() }
        if attempt.wasRepeatedWithoutEDNS, !code.mayMeanNoEDNS { server.edns.isNotSpoken(at: now) }
        if goesOn(question, attempt, code, isTruncated: verdict == .truncated, at: now) { return }
        let bytes =
            if case .bareError = verdict {
                question.query.reply(with: code)
            } else {
                message.array(0..<message.count)
            }
        replied(question, bytes, code, server, at: now)
    }

    /// A reply that another server may better is kept for the case that none does.
    private func replied(
        _ question: Question,
        _ bytes: [UInt8],
        _ code: ResponseCode,
        _ server: UpstreamServer,
        at now: Instant
    ) {
        let outcome = UpstreamOutcome.answered(bytes, from: server.endpoint)
        guard settings.isWorthAnotherServer(code) else { return settle(question, outcome) }
        question.lastReply = outcome
        question.attempts.refused(by: server.index, at: now)
        advance(question, at: now)
    }

    /// Whether the reply leads to the same question in another manner: without EDNS, or over TCP (RFC 7766, 5).
    private func goesOn(
        _ question: Question,
        _ attempt: Attempt,
        _ code: ResponseCode,
        isTruncated: Bool,
        at now: Instant
    ) -> Bool {
        if code.mayMeanNoEDNS, attempt.usesEDNS {
            goOn(question, attempt, over: attempt.transport, withEDNS: false, at: now)
            return true
        }
        guard isTruncated, attempt.transport == .udp, settings.transport == .udpFirst else { return false }
        goOn(question, attempt, over: .tcp, withEDNS: attempt.usesEDNS, at: now)
        return true
    }

    /// The same attempt goes on in another manner, at the same server.
    private func goOn(
        _ question: Question,
        _ attempt: Attempt,
        over transport: Transport,
        withEDNS: Bool,
        at now: Instant
    ) {
        let query = withEDNS ? question.query : question.query.withoutEDNS
        let asker = Attempt.Asker(question: question, number: attempt.number, query: query)
        guard let path = open(asker, to: attempt.server, over: transport, at: now) else {
            return fail(question, .crowded(attempt.server.endpoint), at: now)
        }
        question.add(
            Attempt(
                number: attempt.number,
                server: attempt.server,
                path: path,
                lateAt: attempt.lateAt,
                usesEDNS: query.hasEDNS,
                wasRepeatedWithoutEDNS: attempt.wasRepeatedWithoutEDNS || !withEDNS && attempt.usesEDNS
            )
        )
    }

    /// A datagram with the right id is no answer: keep waiting for the right one, and ask elsewhere too.
    func deceived(_ failure: UpstreamFailure, _ asker: Attempt.Asker) {
        let question = asker.question
        guard question.markDeceived(asker.number) else { return }
        let now = network.now
        question.lastFailure = failure
        question.attempts.wasDeceived(at: now, health: health(for: question, at: now))
        advance(question, at: now)
    }

    /// The link of an attempt ended.
    func attemptEnded(_ asker: Attempt.Asker, _ end: AttemptEnd, _ failure: UpstreamFailure) {
        let question = asker.question
        guard let attempt = question.removeAttempt(asker.number) else { return }
        let now = network.now
        let server = attempt.server
        question.lastFailure = failure
        switch end {
        case .failure(let isNobodyThere):
            noteFailure(of: server, isNobodyThere: isNobodyThere, at: now)
            return fail(question, failure, at: now)
        case .silence:
            // If the server has answered since it was late, its silence of long ago says nothing any more.
            if server.health.isSuspect { perform(server.health.failed(at: now), for: server) }
            question.attempts.fellSilent(at: now, health: health(for: question, at: now))
        case .reusedLinkLost:
            question.wantsFreshConnection = true
            let health = health(for: question, at: now)
            question.attempts.lostReused(server: server.index, at: now, health: health)
        }
        advance(question, at: now)
    }

    private func noteFailure(of server: UpstreamServer, isNobodyThere: Bool = false, at now: Instant) {
        server.health.backOff(at: now)
        perform(server.health.failed(isNobodyThere: isNobodyThere, at: now), for: server)
    }

    private func fail(_ question: Question, _ failure: UpstreamFailure, at now: Instant) {
        question.lastFailure = failure
        question.attempts.failed(at: now, health: health(for: question, at: now))
        advance(question, at: now)
    }
}

// MARK: - Silence

extension ForwardGroup {
    /// Servers that were not answering in time are suspects, and their connections take no more questions.
    /// Returns until when the youngest attempt has time all the same: it waits its turn at a server that works.
    func noteLateness(of question: Question, at now: Instant) -> Instant? {
        question.markLate(at: now) { attempt in
            let server = attempt.server
            if case .stream(let connection, let id) = attempt.path,
                case .inTime(let until) = connection.state.lateness(
                    of: id,
                    patience: server.latency.patience(settings.limits),
                    at: now
                )
            {
                return until
            }
            server.counters.count(.timeout)
            perform(server.health.wasSlow(at: now), for: server)
            return nil
        }
    }

    /// The question's time or its attempts are used up.
    func giveUp(_ question: Question, at now: Instant) {
        _ = noteLateness(of: question, at: now)
        for attempt in question.openAttempts {
            if attempt.isLate { perform(attempt.server.health.failed(at: now), for: attempt.server) }
            guard !attempt.wasDeceived else { continue }
            question.lastFailure =
                switch attempt.path {
                case .datagram(let ask): ask.silence()
                case .stream(let connection, _): connection.silence()
                }
        }
        let ofOurs = question.isQueued ? UpstreamFailure.crowded(servers[0].endpoint) : .noHealthyServer
        settle(question, question.lastReply ?? .failed(question.lastFailure ?? ofOurs))
    }
}
