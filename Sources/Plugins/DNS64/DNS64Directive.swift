// `dns64`: IPv6 addresses for names that have only IPv4 ones (RFC 6147; node-cache reference 3.5).

package import Addresses
package import Corefile

/// What the `dns64` line of a block says.
package struct DNS64Configuration: PluginConfiguration {
    package var prefix: Subnet
    /// Also for names that have IPv6 addresses of their own.
    package var translatesAll = false
    /// Also for clients that asked over IPv4.
    package var allowsIPv4 = false

    package var decidesAnswers: Bool { true }
}

package enum DNS64: Directive {
    package static let name = "dns64"
    package static let properties = [
        DirectiveProperty("prefix PREFIX"), DirectiveProperty("translate_all"),
        DirectiveProperty("allow_ipv4"),
    ]

    /// RFC 6052, 2.1.
    private static let wellKnownPrefix = Subnet(
        IPAddress(v6High: 0x0064_ff9b_0000_0000, low: 0),
        prefixLength: 96
    )
    /// RFC 6052, 2.2.
    private static let lengths: Set<Int> = [32, 40, 48, 56, 64, 96]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        var configuration = DNS64Configuration(prefix: wellKnownPrefix)
        block.attempt { () throws(Diagnostic) in
            try line.requireArguments(0...1, expected: "dns64 [PREFIX]")
            if let token = line.argument(0) { configuration.prefix = try prefix(token) }
        }
        for property in line.lines {
            block.attempt { () throws(Diagnostic) in
                switch property.name.text {
                case "prefix":
                    try property.requireArguments(1...1, expected: "prefix PREFIX")
                    configuration.prefix = try prefix(property.arguments[0])
                case "translate_all":
                    try property.requireArguments(0...0, expected: "translate_all")
                    configuration.translatesAll = true
                case "allow_ipv4":
                    try property.requireArguments(0...0, expected: "allow_ipv4")
                    configuration.allowsIPv4 = true
                default: throw block.unknownProperty(property, known: propertyNames)
                }
            }
        }
        return [configuration]
    }

    private static func prefix(_ token: Token) throws(Diagnostic) -> Subnet {
        guard let subnet = Subnet(token.text) else {
            throw Diagnostic(
                at: token.location,
                "invalid CIDR address: \(token.text)",
                hint: "write a network such as 64:ff9b::/96"
            )
        }
        guard subnet.address.family == .v6 else {
            throw Diagnostic(
                at: token.location,
                "\"\(token.text)\" is not an IPv6 CIDR",
                hint: "write a network such as 64:ff9b::/96"
            )
        }
        guard lengths.contains(subnet.prefixLength) else {
            throw Diagnostic(
                at: token.location,
                "invalid prefix length \(subnet.prefixLength)",
                hint: "write 32, 40, 48, 56, 64 or 96 (RFC 6052, 2.2)"
            )
        }
        return subnet
    }
}
