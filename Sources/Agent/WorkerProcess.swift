// The worker process from its first line to its last: give up privileges, listen to the supervisor, leave
// when told to or when the supervisor is gone.

import Control
import Glibc
import Kernel
package import Logging

/// The worker's life.
package enum WorkerProcess {
    /// Serves until the supervisor says otherwise; `controlDescriptor` is the socket to it.
    package static func run(controlDescriptor: CInt, logger: Logger) -> Never {
        do {
            ClosingOrder.putOffUnmounting()
            Privileges.offerToOutOfMemoryKiller()
            try Privileges.dropForWorker()
            try Privileges.endWithParent(grace: Control.secondsAfterSupervisor)
            if let reason = Privileges.filterSystemCalls() {
                logger.warning("worker: any system call is allowed: \(reason)")
            }
            let channel = try WorkerChannel(owning: OwnedDescriptor(owning: controlDescriptor))
            try obey(channel, logger)
            exit(0)
        } catch {
            logger.critical("worker: \(error)")
            exit(1)
        }
    }

    private static func obey(_ channel: WorkerChannel, _ logger: Logger) throws {
        var worker: Worker?
        var early: [ListeningSocket] = []
        while true {
            let message: SupervisorMessage?
            do throws(ControlError) {
                message = try channel.receive()
            } catch {
                guard case .malformed = error else { throw error }
                logger.error("worker: a message of the supervisor is \(error)")
                continue
            }
            switch message {
            case .sockets(let sockets):
                if let worker { worker.add(sockets) } else { early += sockets }
            case .metrics(let snapshot): worker?.show(snapshot)
            case .writeNumbers(let number, let file):
                // A file that stays empty makes the scrape show the supervisor's numbers alone.
                try? file.writeMemoryFile(worker?.numbers ?? [])
                try channel.send(.numbersWritten(number))
            case .configuration(let configuration):
                do {
                    let serving: Worker
                    if let worker {
                        serving = worker
                    } else {
                        serving = try Worker(for: configuration, logger: logger)
                        serving.add(early)
                        early = []
                        worker = serving
                    }
                    try serving.adopt(configuration)
                    try channel.send(.ready(generation: configuration.generation))
                } catch let error as ControlError {
                    throw error
                } catch {
                    let reason = "\(error)".replacing("\n", with: " ")
                    try channel.send(.rejected(generation: configuration.generation, reason: reason))
                }
            case .drain, nil:
                worker?.drain()
                return
            }
        }
    }
}
