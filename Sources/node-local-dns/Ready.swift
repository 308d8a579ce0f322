// `node-local-dns ready`: the kubelet's probe. It asks the agent of its own container, where an HTTP probe might reach
// the other one on the node.

import ArgumentParser
import Glibc
import Supervisor

struct Ready: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask an agent whether traffic is its own.",
        discussion: "Ends with 0 when it is; else with 1, and says why not. For startup and readiness probes."
    )

    @Argument(help: ArgumentHelp("The -ready-socket of the agent.", valueName: "file")) var socket: String
}

extension Ready: RunnableCommand {
    func execute() -> CInt {
        guard let reason = ReadyAnswer.unreadiness(at: socket) else {
            print("ready")
            return 0
        }
        Main.writeError("not ready: \(reason)\n")
        return 1
    }
}
