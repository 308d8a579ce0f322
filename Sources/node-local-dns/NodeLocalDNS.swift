// The root command: without a subcommand it runs the agent, as node-cache does.

import ArgumentParser
import Control
import Glibc
import Logging
import Supervisor

struct NodeLocalDNS: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node-local-dns",
        abstract: "A DNS cache on every Kubernetes node; takes the place of node-cache.",
        discussion: """
            Flags are written as node-cache's: -name value, -name=value, with one dash or two.

            EXAMPLES
              Serve two addresses; the template is /etc/coredns/Corefile.base:
                node-local-dns -localip 169.254.20.10,10.96.0.10 \\
                  -upstreamsvc kube-dns-upstream
              Try a Corefile without touching the node's network:
                node-local-dns -localip 127.0.0.1 -dns.port 5353 \\
                  -setupinterface=false -setupiptables=false -conf ./Corefile
              Say everything that is wrong with a Corefile:
                node-local-dns check ./Corefile
              Remove everything from a node when uninstalling:
                node-local-dns cleanup
            """,
        subcommands: [Check.self, Cleanup.self, Ready.self, Version.self, Worker.self]
    )

    @OptionGroup(title: "What to serve") var serving: ServingFlags
    @OptionGroup(title: "The node's network") var network: NetworkFlags
    @OptionGroup(title: "Configuration") var files: FileFlags
    @OptionGroup(title: "Process") var process: ProcessFlags
    @OptionGroup(title: "Metrics over TLS (not supported yet)", visibility: .hidden) var tls: TLSFlags
}

extension NodeLocalDNS: RunnableCommand {
    func execute() -> CInt {
        if process.showsVersion { return Version().execute() }
        if process.showsPlugins { return PluginList.show() }
        // From the first log line on: nobody may read it.
        _ = signal(SIGPIPE, SIG_IGN)
        do throws(FlagProblem) {
            let options = try supervisorOptions()
            let format = try logFormat()
            return Supervisor.run(
                options,
                world: .real(logFormat: format),
                log: Logger(label: "supervisor") { _ in LineLogHandler(format: format) }
            )
        } catch {
            if error.isSyntax { return Main.complain("\(error)") }
            // As node-cache: on standard error, because nothing runs that would have a log.
            let line = "Error parsing flags - \(error), Exiting"
            Main.writeError(LogLine.text(line, level: .critical, secondsSince1970: time(nil)))
            return 1
        }
    }
}
