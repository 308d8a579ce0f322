// `loadbalance`: the order of addresses changes from reply to reply (node-cache reference 3.10).

package import Addresses
package import Corefile

/// What the `loadbalance` line of a block says.
package struct LoadbalanceConfiguration: PluginConfiguration {
    /// Addresses in the first of these come first, then those in the second, and so on.
    package var preferred: [Subnet] = []
}

package enum Loadbalance: Directive {
    package static let name = "loadbalance"
    package static let properties = [
        DirectiveProperty("round_robin"),
        DirectiveProperty(
            "weighted FILE",
            .refused(because: "weights are not understood in this version")
        ),
        DirectiveProperty("prefer CIDR..."),
    ]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        var configuration = LoadbalanceConfiguration()
        block.attempt { () throws(Diagnostic) in
            if let policy = line.argument(0), policy.text != "round_robin" {
                let isWeighted = policy.text == "weighted"
                throw Diagnostic(
                    at: policy.location,
                    isWeighted
                        ? "weighted is not available in this version" : "unknown policy: \(policy.text)",
                    hint: "write 'loadbalance round_robin'"
                )
            }
            try line.requireArguments(0...1, expected: "loadbalance [round_robin]")
        }
        for property in line.lines {
            block.attempt { () throws(Diagnostic) in
                guard property.name.text == "prefer" else {
                    throw block.unknownProperty(property, known: ["prefer"])
                }
                guard !property.arguments.isEmpty else {
                    throw property.argumentError(expected: "prefer CIDR...")
                }
                for token in property.arguments {
                    guard let subnet = Subnet(token.text) else {
                        throw Diagnostic(
                            at: token.location,
                            "invalid CIDR address: \(token.text)",
                            hint: "write a network such as 192.0.2.0/24"
                        )
                    }
                    configuration.preferred.append(subnet)
                }
            }
        }
        return [configuration]
    }
}
