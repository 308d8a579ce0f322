// One `forward` line at work: takes questions, lets the state machines decide, and does what they say. All of
// it happens on the event loop of its `Network`; there is no lock because nobody else is here.
// Sending and hearing are in ForwardGroup+Attempts.swift, health checks in ForwardGroup+Checks.swift, questions
// that no server has room for in ForwardGroup+Queue.swift.

package import Resolution
import Timing

/// Forwards questions to the servers of one `forward` line.
///
/// `close` must be called before the group is dropped: until then connections and group keep each other.
package final class ForwardGroup: Exchange {
    package let settings: ForwardSettings
    let network: any Network
    let counters: UpstreamCounters
    let servers: [UpstreamServer]
    private var deadlines = DeadlineQueue<Due>()
    /// When questions may leave the queue by the clock.
    private var roomDue: Instant?
    /// When the network will wake us.
    private var alarm: Instant?
    private var isSweeping = false
    private var asked = 0
    /// Questions under way.
    private var live = 0
    /// Questions that no server has room for; no queue without questions.
    var queues: [Transport: QuestionQueue] = [:]
    /// Sockets that wait for an answer.
    var openDatagrams = 0
    /// Whether questions are leaving the queue: what happens meanwhile is seen there.
    var isUsingRoom = false
    private(set) var isClosing = false
    /// Servers that lead back to us.
    var excluded = ServerSet.none { didSet { reportReachability() } }
    /// Is told whether asking is worth it.
    private var reachability: Reachability?

    /// Call on the network's loop, as everything else.
    package init(_ settings: ForwardSettings, network: any Network, counters: UpstreamCounters) {
        self.settings = settings
        self.network = network
        self.counters = counters
        servers = settings.upstreams.prefix(ServerSet.capacity).enumerated().map { index, endpoint in
            UpstreamServer(index, endpoint, counters.server(endpoint), settings)
        }
    }

    /// What has a deadline.
    private enum Due {
        case question(Question)
        /// The end of a check that is under way.
        case checkEnd(HealthCheck)
        /// The next check of a server.
        case check(UpstreamServer)
        case sweep
        /// A server's pause is over: it has room again.
        case room
    }
}

// MARK: - Asking

extension ForwardGroup {
    package func ask(_ query: UpstreamQuery, completion: @escaping (UpstreamOutcome) -> Void) {
        let now = network.now
        if settings.maxConcurrent > 0, live >= settings.maxConcurrent {
            counters.count(.tooManyQuestions)
            let failure = UpstreamFailure.tooManyQuestions(settings.maxConcurrent)
            return network.wake(at: now) { completion(.failed(failure)) }
        }
        // CoreDNS counts up before it takes the server, so that the second one is the first to be asked.
        asked &+= 1
        let start = servers.isEmpty ? 0 : asked % servers.count
        let question = Question(query, QueryAttempts(settings, start: start, at: now), completion: completion)
        live += 1
        advance(question, at: now)
        question.isBeingAsked = false
    }

    package func report(to reachability: Reachability?) {
        self.reachability?.set(isLost: false)
        self.reachability = reachability
        reportReachability()
    }

    /// The health of a server may have changed. A server that leads back to us must hear its own questions, to find
    /// out when it does not any more: then everything is asked.
    func reportReachability() {
        guard let reachability else { return }
        let isLost = !servers.isEmpty && excluded.isEmpty && servers.allSatisfy { $0.health.isDown }
        if isLost != reachability.isLost { reachability.set(isLost: isLost) }
    }

    /// The server has answered something: whatever was wrong is over.
    func answered(_ server: UpstreamServer) {
        let wasSuspect = server.health.isSuspect
        server.health.succeeded()
        if wasSuspect { reportReachability() }
    }

    /// Questions under way end as they would; then the connections are closed.
    package func close() {
        isClosing = true
        if live == 0 { closeConnections() }
    }

    private func closeConnections() {
        for server in servers {
            server.check?.close()
            server.check = nil
            for connection in server.connections { connection.close(because: LinkFailure(.read, .endOfFile)) }
        }
    }
}

// MARK: - A question's steps

extension ForwardGroup {
    /// Does what the question's state machine says until it says to wait.
    func advance(_ question: Question, at now: Instant) {
        guard !question.isAdvancing else { return }
        question.isAdvancing = true
        defer { question.isAdvancing = false }
        while !question.isSettled {
            // Sixteen bits are enough for fifteen servers, and the cheapest that the network has.
            let random = servers.count > 1 ? UInt64(network.randomID()) : 0
            let step = question.attempts.next(at: now, health: health(for: question, at: now), random: random)
            switch step {
            case .ask(let server):
                if question.attempts.made > 1 { counters.count(.retries) }
                send(question, to: servers[server], at: now)
            case .wait(let until):
                return wait(question, until: until)
            case .queue(let until):
                enqueue(question, at: now)
                return wait(question, until: until)
            case .end:
                giveUp(question, at: now)
            }
        }
    }

    /// Looks at the question again at `instant`, or when an attempt becomes late: others must hear of that at once.
    private func wait(_ question: Question, until instant: Instant) {
        let instant = min(instant, question.nextLateness ?? instant)
        guard question.wakes != instant else { return }
        question.wakes = instant
        deadlines.add(.question(question), due: instant)
        setAlarm()
    }

    /// What the choice of a server needs to know of all of them.
    func health(for question: Question, at now: Instant) -> QueryAttempts.Health {
        let transport = transport(of: question)
        var health = QueryAttempts.Health(excluded: excluded)
        for server in servers {
            if !hasRoom(at: server, over: transport, at: now) { health.full.insert(server.index) }
            if settings.policy == .latency {
                health.latencies[server.index] = UInt32(clamping: server.latency.smoothed.nanoseconds / 1_000)
            }
            guard server.health.isSuspect else { continue }
            health.suspect.insert(server.index)
            if server.health.isDown { health.down.insert(server.index) }
        }
        return health
    }

    /// Delivers the outcome, and forgets what is still open for the question.
    func settle(_ question: Question, _ outcome: UpstreamOutcome) {
        guard let completion = question.settle() else { return }
        if question.attempts.foundAllDown { counters.count(.healthCheckBroken) }
        for attempt in question.removeAllAttempts() {
            switch attempt.path {
            case .datagram(let ask): ask.close()
            case .stream(let connection, let id): connection.state.disown(id)
            }
        }
        live -= 1
        if question.isBeingAsked {
            network.wake(at: network.now) { completion(outcome) }
        } else {
            completion(outcome)
        }
        if isClosing, live == 0 { closeConnections() }
    }
}

// MARK: - Deadlines

extension ForwardGroup {
    /// Ends the check, or sends the next one, at an instant.
    func wait(forEndOf check: HealthCheck, until deadline: Instant) {
        deadlines.add(.checkEnd(check), due: deadline)
        setAlarm()
    }

    func checkLater(_ server: UpstreamServer, at due: Instant) {
        deadlines.add(.check(server), due: due)
        setAlarm()
    }

    /// Lets questions leave the queue at an instant.
    func useRoomLater(at due: Instant) {
        // One for all: who must go on waiting comes here again.
        if let roomDue, roomDue <= due { return }
        roomDue = due
        deadlines.add(.room, due: due)
        setAlarm()
    }

    /// Looks after idle connections as long as there are any.
    func startSweeping(at now: Instant) {
        guard !isSweeping else { return }
        isSweeping = true
        deadlines.add(.sweep, due: now + settings.limits.sweep)
        setAlarm()
    }

    private func setAlarm() {
        deadlines.dropSettled { due in
            if case .question(let question) = due { question.isSettled } else { false }
        }
        guard let earliest = deadlines.earliest, alarm.map({ earliest < $0 }) ?? true else { return }
        alarm = earliest
        network.wake(at: earliest) { self.wake(from: earliest) }
    }

    private func wake(from alarm: Instant) {
        if self.alarm == alarm { self.alarm = nil }
        let now = network.now
        while let due = deadlines.takeDue(at: now) {
            switch due {
            case .question(let question): wake(question, at: now)
            case .checkEnd(let check): checkTimedOut(check)
            case .check(let server): perform(server.health.checkIsDue(at: now), for: server)
            case .room:
                roomDue = nil
                useRoom(at: now)
            case .sweep: sweep(at: now)
            }
        }
        setAlarm()
    }

    private func wake(_ question: Question, at now: Instant) {
        guard !question.isSettled, let wakes = question.wakes, wakes <= now else { return }
        question.wakes = nil
        if let later = noteLateness(of: question, at: now) { question.attempts.postpone(until: later) }
        advance(question, at: now)
    }

    private func sweep(at now: Instant) {
        isSweeping = false
        for server in servers {
            for connection in server.connections where connection.state.mustClose(at: now) {
                connection.close(because: LinkFailure(.read, .timedOut))
            }
        }
        if servers.contains(where: { !$0.connections.isEmpty }) { startSweeping(at: now) }
    }
}
