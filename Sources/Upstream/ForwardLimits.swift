// Every number by which forwarding is bounded, with its reason. They are data so that a test can shorten
// them; a Corefile cannot change them.

package import Timing

/// Times and counts that bound a question, a connection and a check.
package struct ForwardLimits: Sendable, Hashable {
    /// The whole life of a question: below the 5 s after which a stub resolver gives up (resolv.conf(5)),
    /// so that it hears SERVFAIL instead of nothing.
    package var budget = Interval.milliseconds(4_500)
    /// The life of a question while all servers are known to be down: enough for one that has just come back,
    /// and the checks notice that anyway. A pod shall hear SERVFAIL, or get a stale answer, within 100 ms.
    package var budgetWhenDown = Interval.milliseconds(90)
    /// The life of a question that has a server's SERVFAIL in hand: for a better reply of a slower server.
    package var budgetWithReply = Interval.seconds(2)
    /// How many servers are tried in spite of that.
    package var attemptsWhenDown = 2

    /// A retry elsewhere never starts sooner: a healthy server on the node's network needs less.
    package var shortestPatience = Interval.milliseconds(50)
    /// A retry elsewhere never starts later, and so late when nothing is known about a server.
    package var longestPatience = Interval.milliseconds(500)
    /// The pause before a server that has just failed is asked again; doubled with every pass.
    package var pause = Interval.milliseconds(50)
    /// A server that goes on failing is left alone for this long at most; its health checks go on.
    package var longestBackOff = Interval.milliseconds(500)
    /// Failures for each server of the group that end a question: CoreDNS' newer default of `max_connect_attempts`.
    package var failuresPerServer = 2
    /// As many are borne in any case: with one server behind a Service address every attempt may meet another pod.
    package var fewestFailures = 4
    /// Attempts at most, however many servers there are: a question must not become a storm. The distances between
    /// them double, so that towards silent servers they are 4 to 7 with one, 5 to 11 with two.
    package var mostAttempts = 12
    /// Attempts that cost nothing because a reused connection had been closed by the other side.
    package var freeRetries = 2

    /// A dial that takes longer has failed; node-cache waits up to 30 s here (its specification, 3.7).
    package var connect = Interval.seconds(2)
    /// Connections to one server: with `depth` enough for thousands of questions at once.
    package var connectionsPerServer = 4
    /// From so many unanswered questions on a connection another one is opened: CoreDNS works through a
    /// connection one question after the other, so a slow one would hold up the rest. It is also what a server
    /// in doubt gets at once.
    package var crowd = 16
    /// Unanswered questions that one connection takes: a fraction of the 65536 ids, so that a free id is
    /// found at once and a guess rarely hits. The next ones wait here, not in the server's queue.
    package var depth = 1_024
    /// Sockets of a group that wait for an answer over UDP: silent servers must not take all descriptors.
    package var datagrams = 4_096
    /// A connection is not used for longer: behind a Service address new pods get their share only from new
    /// connections.
    package var maxAge = Interval.seconds(60)
    /// As much earlier it may end, which spreads the ends of connections that were opened together.
    package var maxAgeJitter = Interval.seconds(10)
    /// Idle and aged connections are looked for so often: `expire` is honoured within a second.
    package var sweep = Interval.milliseconds(500)

    /// A health check without an answer has failed after this time. Shorter than CoreDNS' second, so that one
    /// that began just before a server's return does not keep the next one waiting.
    package var probe = Interval.milliseconds(600)
    /// From one check to the next: doubles from the configured interval up to this, so that a server's return
    /// is noticed within a second.
    package var longestProbePause = Interval.milliseconds(900)
    /// `health_check 0` would mean checks without pause; this is the least.
    package var shortestProbePause = Interval.milliseconds(10)

    /// The limits we run with.
    package init() {}
}
