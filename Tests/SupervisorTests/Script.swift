// Drives a SupervisorState by the clock of the script.

import Supervisor
import Testing
import Timing

struct Script {
    var state: SupervisorState

    init(
        skipsTeardown: Bool = false,
        drainDelay: Interval = .zero,
        _ change: (inout SupervisorTimes) -> Void = { _ in }
    ) {
        var times = SupervisorTimes()
        change(&times)
        state = SupervisorState(times: times, skipsTeardown: skipsTeardown, drainDelay: drainDelay)
    }

    /// What the state says to an event at so many milliseconds, without log lines.
    mutating func at(_ milliseconds: UInt64, _ event: SupervisorState.Event) -> [SupervisorState.Action] {
        all(milliseconds, event).filter { if case .log = $0 { false } else { true } }
    }

    /// The same, with log lines.
    mutating func all(_ milliseconds: UInt64, _ event: SupervisorState.Event) -> [SupervisorState.Action] {
        state.handle(event, at: Self.time(milliseconds))
    }

    /// In milliseconds.
    var deadline: UInt64? { state.deadline.map { ($0 - Self.time(0)).millisecondsRoundedUp } }

    private static func time(_ milliseconds: UInt64) -> Instant {
        Instant(nanoseconds: 1_000_000_000_000) + .milliseconds(milliseconds)
    }

    /// A script in which the first worker serves and has answered its probe at 10 ms, and traffic is ours. It is not
    /// tested again, unless `change` says so.
    static func serving(
        skipsTeardown: Bool = false,
        drainDelay: Interval = .zero,
        _ change: (inout SupervisorTimes) -> Void = { _ in }
    ) -> Script {
        var script = Script(skipsTeardown: skipsTeardown, drainDelay: drainDelay) {
            $0.interceptionTest = .seconds(1_000_000)
            change(&$0)
        }
        _ = script.at(0, .started(generation: 1))
        _ = script.at(10, .workerReady(generation: 1))
        _ = script.at(10, .probeAnswered(round: 1))
        _ = script.at(10, .interceptionProved(round: 1))
        return script
    }
}
