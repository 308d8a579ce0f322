// `ready`: `GET /ready` for the readiness probe. The answer itself is the supervisor's, who knows whether the node
// sends us its questions; this is only where it is given.

package import Addresses
package import Corefile

/// What the `ready` line of a block says.
package struct ReadyConfiguration: PluginConfiguration {
    /// Nil is every address of both families.
    package var address: IPAddress?
    package var port: UInt16
}

extension AgentConfiguration {
    /// One endpoint per process: the last block's wins, as in CoreDNS; nil when no block has the plugin.
    package var ready: ReadyConfiguration? {
        blocks.lazy.compactMap { $0.plugin(ReadyConfiguration.self) }.last
    }
}

package enum Ready: Directive {
    package static let name = "ready"
    /// `:8181`, as in CoreDNS.
    static let defaultPort: UInt16 = 8181
    package static let properties = [
        DirectiveProperty("monitor until-first-ready|continuously")
    ]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        let configuration = block.attempt { () throws(Diagnostic) -> ReadyConfiguration in
            try line.requireArguments(0...1, expected: "ready [ADDRESS:PORT]")
            for property in line.lines where property.name.text != "monitor" {
                throw block.unknownProperty(property, known: propertyNames)
            }
            guard let token = line.argument(0) else {
                return ReadyConfiguration(address: nil, port: defaultPort)
            }
            let listen = try HostPort.read(token)
            return ReadyConfiguration(address: listen.address, port: listen.port)
        }
        return configuration.map { [$0] } ?? []
    }
}
