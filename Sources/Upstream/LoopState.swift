// When an upstream is asked whether it leads back to us, and what is made of the outcome. A pure state machine:
// `LoopWatch` asks, and takes the server out of its forward line and back in.

package import Timing

/// One upstream of one forward line.
package struct LoopState: Hashable, Sendable {
    /// Whether it leads back to us.
    package private(set) var isLooping = false
    /// Clean answers in a row while it does.
    private var clean = 0
    private var unansweredAtStart = 0
    private var wasAnswered = false
    private var lastProbe: Instant?
    private var lastTimeouts: UInt64 = 0
    private var nextProbe: Instant

    /// Every number with its reason.
    private enum Limits {
        /// Until the first answer, as CoreDNS: once a second, at most thirty times.
        static let startPause = Interval.seconds(1)
        static let startAttempts = 30
        /// A question that goes round has no answer until somebody's time-out: that is worth a look.
        static let suspicionPause = Interval.seconds(5)
        /// A loop without such a question harms nobody; found all the same. One small question a minute.
        static let calmPause = Interval.seconds(60)
        /// While it is out: soon enough for who has mended it and watches.
        static let loopPause = Interval.seconds(2)
        /// An upstream that sends on to several servers may meet another one than us by chance.
        static let cleanAnswers = 3
    }

    /// Asked for the first time at `now`.
    package init(at now: Instant) { nextProbe = now }

    /// Whether to ask now; `timeouts`: how often the server was late so far.
    package mutating func isDue(timeouts: UInt64, at now: Instant) -> Bool {
        let isSuspicious =
            timeouts > lastTimeouts && lastProbe.map { now >= $0 + Limits.suspicionPause } ?? true
        guard now >= nextProbe || isSuspicious else { return false }
        lastTimeouts = timeouts
        lastProbe = now
        nextProbe = now + (isLooping ? Limits.loopPause : Limits.calmPause)
        return true
    }

    /// The probe came back; true when that is news.
    package mutating func sighted(at now: Instant) -> Bool {
        clean = 0
        nextProbe = now + Limits.loopPause
        defer { isLooping = true }
        return !isLooping
    }

    /// The probe was answered without coming back; true when the loop is gone.
    package mutating func answered(at now: Instant) -> Bool {
        wasAnswered = true
        guard isLooping else { return false }
        clean += 1
        guard clean >= Limits.cleanAnswers else { return false }
        isLooping = false
        clean = 0
        nextProbe = now + Limits.calmPause
        return true
    }

    /// The probe had no answer, which says nothing.
    package mutating func unanswered(at now: Instant) {
        guard !isLooping, !wasAnswered, unansweredAtStart < Limits.startAttempts else { return }
        unansweredAtStart += 1
        nextProbe = max(now, (lastProbe ?? now) + Limits.startPause)
    }
}
