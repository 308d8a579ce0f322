// `node-local-dns check FILE`: everything that is wrong with a Corefile, at once.

import Addresses
import ArgumentParser
import Corefile
import Kernel
import Supervisor

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a Corefile or its template.",
        discussion:
            "Ends with 1 when there is an error. Placeholders (__PILLAR__...) are filled as a node would."
    )

    @Argument(help: ArgumentHelp("The Corefile.", valueName: "file")) var file: String

    @Option(
        name: .customLong("localip", withSingleDash: true),
        help: ArgumentHelp("What __PILLAR__LOCAL__DNS__ stands for.", valueName: "ip,ip")
    )
    var localIP = "169.254.20.10"

    @Option(
        name: .customLong("dns.port", withSingleDash: true),
        help: ArgumentHelp("Default port of server blocks.", valueName: "port")
    )
    var dnsPort = "53"
}

extension Check: RunnableCommand {
    func execute() -> CInt {
        do throws(FlagProblem) {
            let check = CorefileInspection.run(
                file,
                localAddresses: try FlagValue.addresses(localIP),
                dnsPort: try FlagValue.port(dnsPort, "port")
            )
            Main.writeError(check.report)
            guard let configuration = check.configuration else { return 1 }
            print("\(file): \(Self.summary(configuration))")
            return 0
        } catch {
            Main.writeError("\(error)\n")
            return 2
        }
    }

    /// `3 server blocks, 4 zones, 2 listeners: no errors`
    static func summary(_ configuration: AgentConfiguration) -> String {
        let zones = configuration.blocks.reduce(0) { $0 + $1.zones.count }
        let listeners = ListenerPlan(configuration).listeners.count
        return [
            counted(configuration.blocks.count, "server block"), counted(zones, "zone"),
            counted(listeners, "listener"),
        ].joined(separator: ", ") + ": no errors"
    }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}
