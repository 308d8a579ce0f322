// `loadbalance`: the order of addresses changes from reply to reply (node-cache reference 3.10).

package import Addresses
package import Corefile

/// What the `loadbalance` line of a block says.
package struct LoadbalanceConfiguration: PluginConfiguration {
    /// How likely each address is to come first; nil: all alike, and the others change places too.
    package var weights: WeightTable?
    /// Addresses in the first of these come first, then those in the second, and so on.
    package var preferred: [Subnet] = []
}

package enum Loadbalance: Directive {
    package static let name = "loadbalance"
    package static let properties = [
        DirectiveProperty("round_robin"), DirectiveProperty("weighted FILE"),
        DirectiveProperty("prefer CIDR..."),
        DirectiveProperty(
            "reload DURATION",
            .withoutEffect(because: "a changed file is seen within seconds")
        ),
    ]
    static let reload = Setting(
        "loadbalance reload",
        default: GoDuration.seconds(30),
        allowed: .zero ... .hours(24 * 365),
        because: "read, and then ignored",
        tooSmall: "invalid reload duration"
    )
    package static let settings = [reload.summary]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        var configuration = LoadbalanceConfiguration()
        block.attempt { () throws(Diagnostic) in
            switch line.argument(0)?.text {
            case nil, "round_robin":
                try line.requireArguments(0...1, expected: "loadbalance [round_robin]")
            case "weighted":
                try line.requireArguments(2...2, expected: "loadbalance weighted FILE")
                configuration.weights = weights(line.arguments[1], block)
            case let policy?:
                throw Diagnostic(
                    at: line.arguments[0].location,
                    "unknown policy: \(policy)",
                    hint: "known: round_robin, weighted FILE"
                )
            }
        }
        for property in line.lines {
            block.attempt { () throws(Diagnostic) in try apply(property, to: &configuration, block) }
        }
        return [configuration]
    }

    /// A file that is not there is no error: it may come, and until then all addresses weigh the same.
    private static func weights(_ token: Token, _ block: BlockContext) -> WeightTable {
        do throws(SourceError) {
            return WeightTable(try block.check.read(token.text), file: token.text, report: block.report)
        } catch {
            block.warn(at: token, error.problem(with: token.text), hint: "it is used as soon as it is there")
            return WeightTable()
        }
    }

    private static func apply(
        _ line: DirectiveSyntax,
        to configuration: inout LoadbalanceConfiguration,
        _ block: BlockContext
    ) throws(Diagnostic) {
        switch line.name.text {
        case "reload" where configuration.weights != nil:
            try line.requireArguments(1...1, expected: "reload DURATION")
            _ = try reload.read(line.arguments[0])
        case "prefer":
            guard !line.arguments.isEmpty else { throw line.argumentError(expected: "prefer CIDR...") }
            for token in line.arguments {
                guard let subnet = Subnet(token.text) else {
                    throw Diagnostic(
                        at: token.location,
                        "invalid CIDR address: \(token.text)",
                        hint: "write a network such as 192.0.2.0/24"
                    )
                }
                configuration.preferred.append(subnet)
            }
        default:
            throw block.unknownProperty(
                line,
                known: configuration.weights == nil ? ["prefer"] : ["prefer", "reload"]
            )
        }
    }
}
