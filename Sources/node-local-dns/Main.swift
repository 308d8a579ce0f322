// The one binary: reads the command line, then becomes what it asks for.

import ArgumentParser
import Control
import Glibc
import Logging

@main
enum Main {
    static func main() {
        openStandardStreams()
        LoggingSystem.bootstrap { _ in LineLogHandler() }
        exit(run(Array(CommandLine.arguments.dropFirst())))
    }

    /// Makes descriptors 0 to 2 stand for something: of a program started without them, a socket would get the
    /// number, receive its log lines, and be inherited by its worker.
    private static func openStandardStreams() {
        // The lowest free number is the one that is missing.
        while true {
            let descriptor = unsafe open("/dev/null", O_RDWR)
            guard descriptor >= 0, descriptor <= STDERR_FILENO else {
                close(descriptor)
                return
            }
        }
    }

    /// Does what the arguments ask for; the exit code, those of Go's `flag` package where node-cache has them.
    static func run(_ arguments: [String]) -> CInt {
        do {
            let command = try NodeLocalDNS.parseAsRoot(try words(arguments))
            if let command = command as? any RunnableCommand { return command.execute() }
            // `help`: swift-argument-parser's own command, which speaks by throwing.
            var help = command
            try help.run()
            return 0
        } catch let error as ExtraWords {
            writeError("extra command line arguments: [\(error.words.joined(separator: " "))]\n")
            return 1
        } catch let error as GoFlagError {
            return complain("\(error)")
        } catch {
            let message = NodeLocalDNS.fullMessage(for: error)
            guard NodeLocalDNS.exitCode(for: error).isSuccess else {
                writeError(message + "\n")
                return 2
            }
            print(message)
            return 0
        }
    }

    private struct ExtraWords: Error {
        let words: [String]
    }

    /// Subcommands keep their own words; everything else is node-cache's syntax.
    private static func words(_ arguments: [String]) throws -> [String] {
        let subcommands = ["check", "cleanup", "ready", "version", "worker", "help"]
        if let first = arguments.first, subcommands.contains(first) { return arguments }
        let flags = try NodeLocalDNS.flags.normalized(arguments)
        guard flags.rest.isEmpty else { throw ExtraWords(words: flags.rest) }
        return flags.words
    }

    /// Go's code for a command line that cannot be understood.
    static func complain(_ message: String) -> CInt {
        writeError("\(message)\nUsage: \(NodeLocalDNS.usageString())\nSee 'node-local-dns -h'.\n")
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
