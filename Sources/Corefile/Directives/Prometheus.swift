// `prometheus`: `GET /metrics`, and counting this block's queries (node-cache reference 3.13).

package import Addresses

/// What the `prometheus` line of a block says.
package struct PrometheusConfiguration: PluginConfiguration {
    /// Nil is every address of both families.
    package var address: IPAddress?
    package var port: UInt16

    package init(address: IPAddress?, port: UInt16) {
        self.address = address
        self.port = port
    }
}

extension ServerBlockConfiguration {
    /// Nil without a `prometheus` line: its queries are not counted.
    package var prometheus: PrometheusConfiguration? { plugin() }
}

package enum Prometheus: Directive {
    package static let name = "prometheus"
    /// `localhost:9153`, as in CoreDNS.
    static let defaultPort: UInt16 = 9153

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        let configuration = block.attempt { () throws(Diagnostic) -> PrometheusConfiguration in
            try line.requireArguments(0...1, expected: "prometheus [ADDRESS:PORT]")
            try line.requireNoBlock()
            guard let token = line.argument(0) else {
                return PrometheusConfiguration(address: IPAddress(v4: 0x7f00_0001), port: defaultPort)
            }
            let listen = try HostPort.read(token)
            return PrometheusConfiguration(address: listen.address, port: listen.port)
        }
        return configuration.map { [$0] } ?? []
    }
}
