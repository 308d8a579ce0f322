// The commands of a few lines: `version`, `-plugins`, and the hidden one that makes this process the worker.

import Agent
import ArgumentParser
import Control
import Corefile
import Logging
import Plugins

struct Version: ParsableCommand, RunnableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the version.")

    func execute() -> CInt {
        print("node-local-dns-\(BuildVersion.number)\n\(BuildVersion.platform), \(BuildVersion.compiler)")
        return 0
    }
}

enum PluginList {
    /// In the shape of `node-cache -plugins`.
    static func show() -> CInt {
        print("Server types:\n  dns\n\nOther plugins:")
        for name in DirectiveTable.node.directives.map({ $0.name }).sorted() { print("  dns.\(name)") }
        return 0
    }
}

/// The second process; started by the supervisor, which leaves a socket for it as descriptor 3.
struct Worker: ParsableCommand, RunnableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve for a supervisor (internal).",
        shouldDisplay: false
    )

    @Option var logFormat = LogFormat.text

    func execute() -> CInt {
        WorkerProcess.run(
            controlDescriptor: Control.workerDescriptor,
            logger: Logger(label: "worker") { _ in LineLogHandler(format: logFormat) }
        )
    }
}

extension LogFormat: ExpressibleByArgument {}
