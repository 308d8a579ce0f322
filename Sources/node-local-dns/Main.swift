// The one binary: reads the command line, then becomes what it asks for.

import ArgumentParser
import Control
import Glibc
import Logging

@main
enum Main {
    static func main() {
        LoggingSystem.bootstrap { _ in LineLogHandler() }
        exit(run(Array(CommandLine.arguments.dropFirst())))
    }

    /// Does what the arguments ask for; the exit code, those of Go's `flag` package where node-cache has them.
    static func run(_ arguments: [String]) -> CInt {
        do {
            let command = try NodeLocalDNS.parseAsRoot(try CommandLineText.normalized(arguments))
            guard let command = command as? any RunnableCommand else {
                // `help`: swift-argument-parser's own command, which speaks by throwing.
                var command = command
                try command.run()
                return 0
            }
            return command.execute()
        } catch let error as GoFlagError {
            return complain("\(error)\n\(NodeLocalDNS.usageString())")
        } catch {
            let message = NodeLocalDNS.fullMessage(for: error)
            guard NodeLocalDNS.exitCode(for: error).isSuccess else { return complain(message) }
            print(message)
            return 0
        }
    }

    /// Go's code for a command line that cannot be understood.
    private static func complain(_ message: String) -> CInt {
        writeError(message + "\n")
        return 2
    }

    /// Writes on standard error.
    static func writeError(_ text: String) {
        let bytes = Array(text.utf8)
        // SAFETY: the array outlives the call.
        _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
    }
}

/// A command of ours: it ends with an exit code, not by throwing.
protocol RunnableCommand: ParsableCommand {
    func execute() -> CInt
}
