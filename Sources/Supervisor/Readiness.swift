// Whether traffic is ours, for those who ask from outside the loop: `/ready`, for people and monitors, and the
// local socket, for the kubelet's probe (docs/decisions/0008-ready-by-a-local-socket.md says why there are two).
// A service manager above us is told without being asked.

import Kernel
import Probes
import Synchronization

/// What the loop last said about itself.
final class Readiness: Sendable {
    private let reason = Mutex<String?>("starting")
    private let serviceManager: ServiceManager

    init(serviceManager: ServiceManager) { self.serviceManager = serviceManager }

    /// Nil: ready.
    func set(unreadiness: String?) {
        let isNews = reason.withLock { reason in
            defer { reason = unreadiness }
            return reason != unreadiness
        }
        guard isNews else { return }
        if let unreadiness {
            serviceManager.tell("STATUS=not ready: \(unreadiness)")
        } else {
            serviceManager.tell("READY=1", "STATUS=\(ReadyAnswer.line(unreadiness: nil))")
        }
    }

    var unreadiness: String? { reason.withLock { $0 } }

    /// What the local socket says.
    var line: String { ReadyAnswer.line(unreadiness: unreadiness) }

    /// 200 `OK`, or 503 and the reason.
    var routes: ProbeRoutes {
        ProbeRoutes([
            "/ready": { [self] in
                unreadiness.map { ProbeResponse(status: 503, $0 + "\n") } ?? ProbeResponse("OK")
            }
        ])
    }
}

/// What `node-local-dns ready` hears.
package enum ReadyAnswer {
    private static let ready = "ready"

    static func line(unreadiness: String?) -> String { unreadiness ?? ready }

    /// Asks the agent behind `path`; nil when it is ready, else the reason.
    package static func unreadiness(at path: String) -> String? {
        do throws(SystemError) {
            let line = try LocalListener.ask(path, milliseconds: 1000)
            return line == ready ? nil : line.isEmpty ? "the agent does not answer" : line
        } catch {
            return "\(error)"
        }
    }
}
