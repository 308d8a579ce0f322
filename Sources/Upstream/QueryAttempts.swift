// One question's life: which server is asked next, and when it is time to give up. A pure state machine:
// the clock, the dice and the servers' health are arguments; sending and answering is `ForwardGroup`'s.
//
// Attempts overlap: when a server's patience is over, another server is asked as well, and the first good
// answer wins. No server is asked again without a pause, and the whole ends with the budget. Failures end a question
// after a few; silence does not, since a Service address may lead to another pod by the next attempt: there the
// distances grow instead, so that they are few all the same.

package import Timing

/// The attempts of one question.
package struct QueryAttempts: ~Copyable {
    private let servers: ServerSet
    private let policy: ForwardSettings.Policy
    private let failsFast: Bool
    private let limits: ForwardLimits
    /// Where `round_robin` starts.
    private let start: Int

    /// The question ends here, whatever is still under way.
    package private(set) var deadline: Instant
    /// No other attempt starts sooner.
    private var nextStart: Instant
    /// Servers that have not been asked in this pass.
    private var untried: ServerSet
    /// Servers that have sent a reply with a `failover` code; they are not asked again.
    private var refusing = ServerSet.none
    private var pass = 0
    /// How many attempts were made; more than one means retries.
    package private(set) var made = 0
    private var mostAttempts: Int
    /// Attempts that ended with something else than silence.
    private var failures = 0
    private let mostFailures: Int
    private var freeRetries = 0
    /// Attempts whose end is not known.
    private var underWay = 0
    /// Whether all servers were down at some time.
    package private(set) var foundAllDown = false

    /// A question that was asked at `now`; `start` is the server at which `round_robin` begins.
    package init(_ settings: ForwardSettings, start: Int = 0, at now: Instant) {
        let servers = ServerSet.first(settings.upstreams.count)
        let limits = settings.limits
        self.servers = servers
        self.policy = settings.policy
        self.failsFast = settings.failsFast
        self.limits = limits
        self.start = start
        self.deadline = now + limits.budget
        self.nextStart = now
        self.untried = servers
        mostAttempts =
            settings.maxConnectAttempts > 0
            ? min(settings.maxConnectAttempts, limits.mostAttempts) : limits.mostAttempts
        mostFailures = max(limits.failuresPerServer * servers.count, limits.fewestFailures)
    }

    /// What the servers' health looks like at this moment.
    package struct Health: Sendable, Hashable {
        /// Asked only when all are down.
        package var down = ServerSet.none
        /// Asked after the others: something went wrong lately and no check has succeeded since.
        package var suspect = ServerSet.none
        /// Not asked now: they have as many questions as they may have, or a pause after a failure.
        package var full = ServerSet.none
        /// Not asked at all.
        package var excluded = ServerSet.none
        /// Smoothed, in microseconds, by number; only the policy `latency` wants it.
        package var latencies = SIMD16<UInt32>()

        /// By default all is well.
        package init(
            down: ServerSet = .none,
            suspect: ServerSet = .none,
            full: ServerSet = .none,
            excluded: ServerSet = .none
        ) {
            self.down = down
            self.suspect = suspect
            self.full = full
            self.excluded = excluded
        }
    }

    /// What is to be done now.
    package enum Step: Sendable, Hashable {
        /// Ask this server, report with `started`, and come back for the next step.
        case ask(server: Int)
        /// Nothing before this instant, unless an attempt ends.
        case wait(until: Instant)
        /// No server has room: come back when one has, and at this instant at the latest.
        case queue(until: Instant)
        /// The question has failed: with the last reply if there is one, else the last failure.
        case end
    }
}

// MARK: - What next

extension QueryAttempts {
    /// Decides on the next step; `random` serves the policy `random` alone.
    package mutating func next(at now: Instant, health: Health, random: UInt64) -> Step {
        guard now < deadline else { return .end }
        guard made < mostAttempts, failures < mostFailures else {
            return underWay == 0 ? .end : .wait(until: deadline)
        }
        let usable = servers.subtracting(refusing).subtracting(health.excluded)
        let allAreDown = usable.subtracting(health.down).isEmpty
        // The pause before the next attempt is part of the short life that is left.
        if allAreDown, underWay == 0 { deadline = min(deadline, now + limits.budgetWhenDown) }
        guard now >= nextStart else { return .wait(until: min(nextStart, deadline)) }
        let candidates = (allAreDown ? usable : usable.subtracting(health.down)).subtracting(health.full)
        if allAreDown {
            foundAllDown = true
            // Asked before that was known: the answer may come, and a server may come back.
            if underWay > 0 { return .wait(until: min(deadline, now + limits.longestPatience)) }
            // A reply in hand is better than what a server that is down may have to say.
            if failsFast || !refusing.isEmpty || candidates.isEmpty { return .end }
            mostAttempts = min(mostAttempts, made + limits.attemptsWhenDown)
        }
        guard !candidates.isEmpty else { return .queue(until: deadline) }
        if candidates.intersection(untried).isEmpty {
            untried = usable
            pass += 1
        }
        let server = choose(
            from: candidates.intersection(untried),
            suspect: health.suspect,
            byChance: allAreDown,
            latencies: health.latencies,
            random: random
        )
        guard let server else { return .end }
        made += 1
        underWay += 1
        untried.remove(server)
        return .ask(server: server)
    }

    private func choose(
        from candidates: ServerSet,
        suspect: ServerSet,
        byChance: Bool,
        latencies: SIMD16<UInt32>,
        random: UInt64
    ) -> Int? {
        let sound = candidates.subtracting(suspect)
        let pool = sound.isEmpty ? candidates : sound
        if byChance { return pool.any(random) }
        return switch policy {
        case .random: pool.any(random)
        // The chosen one first, the others in the order of the file, as CoreDNS does.
        case .roundRobin: made == 0 ? pool.first(from: start) : pool.lowest
        case .sequential: pool.lowest
        case .latency: pool.faster(by: latencies, random)
        }
    }
}

// MARK: - What happened

extension QueryAttempts {
    /// The attempt was sent; unless it ends before, another one may start when `patience` is over.
    ///
    /// Patience doubles with every pass: all servers have then been too slow once. A server that is slow because it has
    /// too much to do is not asked more often than it can bear.
    package mutating func started(patience: Interval, at now: Instant) {
        nextStart = now + patience * (1 << doublings)
    }

    /// The youngest attempt waits behind others at a server that works: no other one starts before `instant`.
    package mutating func postpone(until instant: Instant) {
        nextStart = max(nextStart, instant)
    }

    /// The attempt with this server failed: the next server at once, an already tried one after a pause.
    package mutating func failed(at now: Instant, health: Health) {
        underWay -= 1
        failures += 1
        nextStart = restart(at: now, health: health)
    }

    /// The attempt's link was given up because nothing came: others have been started since, and go on.
    package mutating func fellSilent(at now: Instant, health: Health) {
        underWay -= 1
        nextStart = min(nextStart, restart(at: now, health: health))
    }

    /// A reused connection was closed by the other side: that says nothing about the server, so it may be
    /// asked again at once; but not without end.
    package mutating func lostReused(server: Int, at now: Instant, health: Health) {
        guard freeRetries < limits.freeRetries else { return failed(at: now, health: health) }
        freeRetries += 1
        underWay -= 1
        made -= 1
        untried.insert(server)
        nextStart = now
    }

    /// Something arrived that is no answer, while the right one may still come: ask elsewhere meanwhile.
    package mutating func wasDeceived(at now: Instant, health: Health) {
        nextStart = min(nextStart, restart(at: now, health: health))
    }

    /// The server sent a reply with a `failover` code; another one may do better.
    package mutating func refused(by server: Int, at now: Instant) {
        underWay -= 1
        refusing.insert(server)
        deadline = min(deadline, now + limits.budgetWithReply)
        nextStart = now
    }
}

// MARK: - Helpers

extension QueryAttempts {
    /// At once when a server is left in this pass, else after a pause that doubles with every pass.
    private func restart(at now: Instant, health: Health) -> Instant {
        let others = untried.subtracting(refusing).subtracting(health.down).subtracting(health.excluded)
        return others.isEmpty ? now + limits.pause * (1 << doublings) : now
    }

    /// Enough to reach the end of the budget, few enough not to overflow.
    private var doublings: UInt64 { UInt64(min(pass, 5)) }
}
