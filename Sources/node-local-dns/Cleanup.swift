// `node-local-dns cleanup`: for uninstalling. What answers for a dead agent stays in the kernel on purpose; this
// takes it away.

import Addresses
import ArgumentParser
import Glibc
import NodeNetwork

struct Cleanup: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Remove everything an agent ever made on this node.",
        discussion: """
            Tables, the fall-back, the link and its addresses, whichever agent made them. For uninstalling: \
            run it on every node when no agent runs there any more. It may be repeated; ends with 1 when \
            something could not be removed.
            """
    )

    @Option(
        name: .customLong("interfacename", withSingleDash: true),
        help: ArgumentHelp("The name of the link.", valueName: "name")
    )
    var interfaceName = "nodelocaldns"
}

extension Cleanup: RunnableCommand {
    func execute() -> CInt {
        do {
            let name = try FlagValue.interfaceName(interfaceName)
            let report = try NodeNetwork(plan: NetworkPlan(interfaceName: name, addresses: [])).cleanUp()
            for change in report.changes { print(change) }
            for failure in report.failures { Main.writeError("\(failure)\n") }
            if report.isEmpty { print("Nothing of an agent is on this node") }
            return report.failures.isEmpty ? 0 : 1
        } catch {
            Main.writeError("\(error)\n")
            return error is FlagProblem ? 2 : 1
        }
    }
}
