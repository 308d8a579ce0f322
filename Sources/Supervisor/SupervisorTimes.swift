// All of the supervisor's waiting times in one place, with the reason for each.

package import Timing

/// How long the supervisor waits for what.
package struct SupervisorTimes: Hashable, Sendable {
    /// From one answered probe to the next. With the two below a hung worker is out of the path within
    /// 250 + 3 · 230 ms, less than a second.
    package var probeInterval = Interval.milliseconds(250)
    /// After this a probe counts as missed.
    package var probeTimeout = Interval.milliseconds(230)
    /// So many missed probes in a row and traffic is not sent to us any more.
    package var missedProbesBeforeWithdrawal = 3
    /// So many, and a worker that has answered before is replaced. Later than the withdrawal: who was only slow
    /// keeps its cache.
    package var missedProbesBeforeReplacement = 4
    /// A round in which the worker ran so long is not counted there: who has too much to do does not hang, and with
    /// its cache it would lose what it is good for.
    package var busy = Interval.milliseconds(5)
    /// But so many rounds in a row, about ten seconds, are too many for anybody.
    package var missedProbesBeforeReplacementOfBusy = 40
    /// The same for a worker that has not answered yet, where an earlier one has: seven seconds, because each
    /// probe is given more time than the last.
    package var missedFirstProbesBeforeReplacement = 8
    /// After a worker's death queries wait in the socket buffers for its successor; after this, no more come.
    package var interceptionWithoutWorker = Interval.milliseconds(250)
    /// From one proof that traffic is ours to the next.
    package var interceptionTest = Interval.seconds(5)
    /// After this one counts as missed, and the next is sent at once.
    package var interceptionTestTimeout = Interval.seconds(1)
    /// So many missed tests in a row and traffic does not count as ours.
    package var missedInterceptionTests = 2
    /// `-dead-man`: how long traffic stays ours without a sign of life; zero: the kernel asks for none.
    package var deadMan = Interval.zero
    /// A worker that has not said `ready` by then is replaced.
    package var workerStart = Interval.seconds(10)
    /// A worker that lived this long is no crash loop: its successor starts at once.
    package var workerStable = Interval.seconds(10)
    /// The second start in a row waits this long, the third twice, and so on.
    package var firstBackOff = Interval.milliseconds(100)
    package var longestBackOff = Interval.seconds(5)
    /// Kubelet changes several files of one ConfigMap at once: they are read together.
    package var filesDebounce = Interval.milliseconds(200)
    /// Files are read this often even if nothing told us: a mounted file changes without an event. With the
    /// debounce this is less than the five seconds that a change may take.
    package var filesPoll = Interval.milliseconds(4500)
    /// Several netlink events of one cause are handled together.
    package var networkDebounce = Interval.milliseconds(50)
    /// While another agent holds the fall-back: how often we see whether it still does.
    package var fallbackRetry = Interval.seconds(2)
    /// `-syncinterval`.
    package var networkSync = Interval.seconds(60)
    /// `-grace-period`: how long a worker may answer what is queued and in flight.
    package var grace = Interval.seconds(5)
    /// A killed worker that is not gone after this is left to the kernel.
    package var killedWorker = Interval.seconds(1)

    package init() {}
}
