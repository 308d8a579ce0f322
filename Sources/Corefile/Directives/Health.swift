// `health`: `GET /health` for the liveness probe (node-cache reference 3.8).

package import Addresses

/// What the `health` line of a block says.
package struct HealthConfiguration: PluginConfiguration {
    /// Nil is every address of both families.
    package var address: IPAddress?
    package var port: UInt16
    /// How long we stay up after a stop was asked for.
    package var lameduck: GoDuration

    package init(address: IPAddress?, port: UInt16, lameduck: GoDuration = .zero) {
        self.address = address
        self.port = port
        self.lameduck = lameduck
    }
}

extension ServerBlockConfiguration {
    /// Nil without a `health` line.
    package var health: HealthConfiguration? { plugin() }
}

package enum Health: Directive {
    package static let name = "health"
    package static let properties = [
        DirectiveProperty("lameduck DURATION")
    ]
    /// `:8080`, as in CoreDNS.
    static let defaultPort: UInt16 = 8080

    static let lameduck = Setting(
        "health lameduck",
        default: GoDuration.zero,
        allowed: .zero ... .hours(1),
        because: "a pod's grace period is shorter than an hour"
    )
    package static let settings = [lameduck.summary]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        let configurations = lines.compactMap { line in
            block.attempt { () throws(Diagnostic) in try read(line, block) }
        }
        return configurations.suffix(1)
    }

    private static func read(
        _ line: DirectiveSyntax,
        _ block: BlockContext
    ) throws(Diagnostic) -> HealthConfiguration {
        try line.requireArguments(0...1, expected: "health [ADDRESS:PORT]")
        var configuration = HealthConfiguration(
            address: nil,
            port: defaultPort,
            lameduck: lameduck.defaultValue
        )
        for property in line.lines {
            block.attempt { () throws(Diagnostic) in
                guard property.name.text == "lameduck" else {
                    throw block.unknownProperty(property, known: propertyNames)
                }
                try property.requireArguments(1...1, expected: "lameduck DURATION")
                configuration.lameduck = try lameduck.read(property.arguments[0])
            }
        }
        if let token = line.argument(0) {
            let listen = try HostPort.read(token)
            configuration.address = listen.address
            configuration.port = listen.port
        }
        return configuration
    }
}
