// Every number by which forwarding is bounded, with its reason. They are data so that a test can shorten
// them; a Corefile cannot change them.

package import Timing

/// Times and counts that bound a question, a connection and a check.
package struct ForwardLimits: Sendable, Hashable {
    /// The whole life of a question: below the 5 s after which a stub resolver gives up (resolv.conf(5)),
    /// so that it hears SERVFAIL instead of nothing.
    package var budget = Interval.milliseconds(4_500)
    /// The life of a question while all servers are known to be down: long enough for one that has just
    /// come back, short enough not to stall a pod.
    package var budgetWhenDown = Interval.seconds(1)
    /// How many servers are tried in spite of that.
    package var attemptsWhenDown = 2

    /// A retry elsewhere never starts sooner: a healthy server on the node's network needs less.
    package var shortestPatience = Interval.milliseconds(50)
    /// A retry elsewhere never starts later, and so late when nothing is known about a server.
    package var longestPatience = Interval.milliseconds(500)
    /// The pause before a server that has just failed is asked again; doubled with every pass.
    package var pause = Interval.milliseconds(50)
    /// Attempts for each server of the group: CoreDNS' newer default of `max_connect_attempts`.
    package var attemptsPerServer = 2
    /// Attempts at least: with one server behind a Service address every attempt may meet another pod.
    package var fewestAttempts = 4
    /// Attempts at most, however many servers there are: a question must not become a storm.
    package var mostAttempts = 12
    /// Attempts that cost nothing because a reused connection had been closed by the other side.
    package var freeRetries = 2

    /// A dial that takes longer has failed; node-cache waits up to 30 s here (its specification, 3.7).
    package var connect = Interval.seconds(2)
    /// Connections to one server: with `depth` enough for thousands of questions at once.
    package var connectionsPerServer = 4
    /// From so many unanswered questions on a connection another one is opened: CoreDNS works through a
    /// connection one question after the other, so a slow one would hold up the rest.
    package var crowd = 16
    /// Unanswered questions that one connection takes: a fraction of the 65536 ids, so that a free id is
    /// found at once and a guess rarely hits.
    package var depth = 1_024
    /// Sockets of a group that wait for an answer over UDP: silent servers must not take all descriptors.
    package var datagrams = 4_096
    /// A connection is not used for longer, give or take `maxAgeJitter`: behind a Service address new pods
    /// get their share only from new connections.
    package var maxAge = Interval.seconds(60)
    /// Spreads the ends of connections that were opened together.
    package var maxAgeJitter = Interval.seconds(10)
    /// Idle and aged connections are looked for so often: `expire` is honoured within a second.
    package var sweep = Interval.milliseconds(500)

    /// A health check without an answer has failed after this time (CoreDNS: read time-out of 1 s).
    package var probe = Interval.seconds(1)
    /// The back-off of checks doubles from the configured interval up to this: recovery is noticed soon.
    package var longestProbePause = Interval.seconds(1)
    /// `health_check 0` would mean checks without pause; this is the least.
    package var shortestProbePause = Interval.milliseconds(10)

    /// The limits we run with.
    package init() {}
}
