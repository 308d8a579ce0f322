// `timeouts`: how long a TCP connection may be silent (node-cache reference 3.18).

package import Corefile

/// What the `timeouts` line of a block says.
package struct TimeoutsConfiguration: PluginConfiguration {
    /// For the first message of a connection; nil leaves the default.
    package var read: GoDuration?
    /// For each further one.
    package var idle: GoDuration?
}

package enum Timeouts: Directive {
    package static let name = "timeouts"
    package static let properties = [
        DirectiveProperty("read DURATION"),
        DirectiveProperty(
            "write DURATION",
            .withoutEffect(because: "CoreDNS does not apply it to plain DNS")
        ),
        DirectiveProperty("idle DURATION"),
    ]
    static let duration = Setting(
        "timeouts DURATION",
        default: GoDuration.seconds(10),
        allowed: .seconds(1) ... .hours(24),
        because: "CoreDNS' bounds; without the plugin read is 3s and idle 10s"
    )
    package static let settings = [duration.summary]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        var configuration = TimeoutsConfiguration()
        block.attempt { () throws(Diagnostic) in
            try line.requireArguments(0...0, expected: "timeouts { read|write|idle DURATION }")
            guard !line.lines.isEmpty else {
                throw line.argumentError(expected: "timeouts { idle DURATION }")
            }
        }
        for property in line.lines {
            block.attempt { () throws(Diagnostic) in
                guard propertyNames.contains(property.name.text) else {
                    throw block.unknownProperty(property, known: propertyNames)
                }
                try property.requireArguments(1...1, expected: "\(property.name.text) DURATION")
                let value = try read(property.arguments[0])
                switch property.name.text {
                case "read": configuration.read = value
                case "idle": configuration.idle = value
                default: break
                }
            }
        }
        return [configuration]
    }

    /// A bare number is seconds here.
    private static func read(_ token: Token) throws(Diagnostic) -> GoDuration {
        guard let seconds = Int64(token.text), abs(seconds) < 1_000_000 else {
            return try duration.read(token)
        }
        return try duration.checked(.seconds(seconds), at: token)
    }
}
