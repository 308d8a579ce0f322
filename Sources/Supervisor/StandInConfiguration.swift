// What is served when the files of this start cannot be: the last configuration that a worker served here, kept
// in the state directory, else one that is built in. A node with a wrong template still has DNS.

import Addresses
import Corefile
import Glibc
package import Kernel
import Plugins

/// The configuration kept from earlier; what cannot be read or does not fit the flags counts as not there.
package struct LastGoodConfiguration: Sendable {
    package let path: String
    private let options: SupervisorOptions

    package init(_ options: SupervisorOptions) {
        self.options = options
        path = options.stateDirectory + "/last-good"
    }

    /// The first line: a change of the form or of the addresses makes what was kept useless.
    private var heading: String {
        let addresses = options.localAddresses.map(\.description).joined(separator: ",")
        return "node-local-dns 1 \(addresses)"
    }

    package func load() -> CheckedConfiguration? {
        guard let bytes = try? Files.read(path) else { return nil }
        let parts = bytes.split(separator: 10, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, Array(parts[0]) == Array(heading.utf8),
            let mainFile = String(validating: parts[1], as: UTF8.self),
            let port = String(validating: parts[2], as: UTF8.self).flatMap({ UInt16($0) }),
            let recorded = RecordedSources(serialized: Array(parts[3]))
        else { return nil }
        return CheckedConfiguration(
            CorefileCheck.run(mainFile, sources: recorded.sources, defaultPort: port)
        )
    }

    /// Replaces what was kept in one step.
    package func save(_ configuration: CheckedConfiguration) throws(SystemError) {
        let check = configuration.check
        let lines = "\(heading)\n\(check.mainFile)\n\(check.defaultPort)\n"
        try Files.makeDirectory(options.stateDirectory)
        // Among what was read may be the key of a `tls` line.
        try Files.replace(
            path,
            with: Array(lines.utf8) + check.recorded.serialized,
            permissions: 0o600
        )
    }
}

extension ConfigurationSource {
    /// Everything to cluster DNS, which knows both the cluster's names and the world's; to the node's resolvers
    /// where it is not known; where those are not known either, SERVFAIL, until the files say more.
    package func builtIn(resolvers: String = "/etc/resolv.conf") -> CheckedConfiguration? {
        let known = clusterDNS.map { "\($0) {\n        force_tcp\n    }" } ?? resolvers
        return builtIn(askingFrom: known) ?? builtIn(askingFrom: ForwardConfiguration.clusterDNSPlaceholder)
    }

    private func builtIn(askingFrom upstream: String) -> CheckedConfiguration? {
        let file = "built-in"
        let addresses = options.localAddresses
        let health = addresses.first.map { "    health \(Endpoint($0, port: options.healthPort))\n" } ?? ""
        let text = """
            .:\(options.dnsPort) {
                errors
                cache 30
                bind \(addresses.map(\.description).joined(separator: " "))
                forward . \(upstream)
                prometheus \(options.prometheusEndpoint)
            \(health)}

            """
        return CheckedConfiguration(
            CorefileCheck.run(
                file,
                sources: sources.replacing(file, with: text),
                defaultPort: options.dnsPort
            )
        )
    }
}
