// Files and the node's network: events are gathered for a moment, and both are looked at now and then even
// when nothing told us.

import Timing

extension SupervisorState {
    mutating func filesTouched(at now: Instant) {
        // Not pushed back by further events: a file that changes all the time is still read.
        if filesRead == nil { filesRead = now + times.filesDebounce }
    }

    mutating func networkTouched(at now: Instant) {
        if networkRepair == nil { networkRepair = now + times.networkDebounce }
    }

    /// The fall-back is to be looked at again before long.
    mutating func awaitFallback(at now: Instant) {
        if networkRepair == nil { networkRepair = now + times.fallbackRetry }
    }

    mutating func checkUpkeep(at now: Instant, _ actions: inout [Action]) {
        if isDue(filesRead, now) || isDue(filesPoll, now) { readFiles(at: now, &actions) }
        if isDue(networkRepair, now) || isDue(networkSync, now) {
            networkRepair = nil
            actions.append(.reconcileNetwork)
        }
        if isDue(networkSync, now) {
            networkSync = now + times.networkSync
            actions.append(.removeForeignRules)
        }
    }

    mutating func readFiles(at now: Instant, isForced: Bool = false, _ actions: inout [Action]) {
        filesRead = nil
        filesPoll = now + times.filesPoll
        actions.append(.readConfiguration(isForced: isForced))
    }

    private func isDue(_ deadline: Instant?, _ now: Instant) -> Bool { deadline.map { $0 <= now } ?? false }
}
