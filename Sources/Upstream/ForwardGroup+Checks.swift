// Active health checks: sent for suspects only, one at a time for each server.

import Timing

extension ForwardGroup {
    /// Does what a server's health asks for.
    func perform(_ action: ServerHealth.Action, for server: UpstreamServer) {
        reportReachability()
        guard !isClosing else { return }
        switch action {
        case .none: return
        case .checkLater(let due): checkLater(server, at: due)
        case .check:
            server.check?.close()
            let check = HealthCheck(of: server, in: self)
            server.check = check
            wait(forEndOf: check, until: network.now + settings.limits.probe)
        }
    }

    func checkSucceeded(_ check: HealthCheck) {
        check.server.check = nil
        answered(check.server)
        useRoom(at: network.now)
    }

    func checkFailed(_ check: HealthCheck) {
        let server = check.server
        server.check = nil
        server.counters.count(.failedCheck)
        perform(server.health.checkFailed(at: network.now), for: server)
        useRoom(at: network.now)
    }

    func checkTimedOut(_ check: HealthCheck) {
        guard !check.isOver else { return }
        check.close()
        checkFailed(check)
    }
}
