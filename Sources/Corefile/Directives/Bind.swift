// `bind`: listen on some addresses instead of all (node-cache reference 3.1).

package import Addresses

/// All `bind` lines of a block, interface names resolved.
package struct BindConfiguration: PluginConfiguration {
    /// In file order without duplicates, never empty.
    package var addresses: [IPAddress]

    package init(addresses: [IPAddress]) { self.addresses = addresses }
}

package enum Bind: Directive {
    package static let name = "bind"
    package static let properties = [
        DirectiveProperty("except ADDRESS|INTERFACE...")
    ]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        var addresses: [IPAddress] = []
        let findingsBefore = block.check.diagnostics.count
        for line in lines {
            block.attempt { () throws(Diagnostic) in
                let excluded =
                    block.attempt { () throws(Diagnostic) in try exceptions(in: line, block) } ?? []
                if line.arguments.isEmpty {
                    throw Diagnostic(
                        at: line.name.location,
                        "at least one address or interface name is expected",
                        hint: "write 'bind ADDRESS…', or remove the line to listen everywhere"
                    )
                }
                for token in line.arguments {
                    // Each bad address is reported, not only the first.
                    block.attempt { () throws(Diagnostic) in
                        for address in try resolve(token, block)
                        where !excluded.contains(address) && !addresses.contains(address) {
                            addresses.append(address)
                        }
                    }
                }
            }
        }
        if addresses.isEmpty, block.check.diagnostics.count == findingsBefore {
            block.report(
                Diagnostic(
                    at: lines[0].name.location,
                    "no address is left to listen on",
                    hint: "see 'except'"
                )
            )
        }
        return [BindConfiguration(addresses: addresses)]
    }

    private static func exceptions(
        in line: DirectiveSyntax,
        _ block: BlockContext
    ) throws(Diagnostic) -> Set<IPAddress> {
        var excluded: Set<IPAddress> = []
        for property in line.lines {
            guard property.name.text == "except" else {
                throw Diagnostic(
                    at: property.name.location,
                    "invalid option \"\(property.name.text)\"",
                    hint: "known: " + propertyNames.joined(separator: ", ")
                )
            }
            guard !property.arguments.isEmpty else {
                throw Diagnostic(
                    at: property.name.location,
                    "at least one address or interface must be given to except subdirective",
                    hint: "write: except ADDRESS…"
                )
            }
            for token in property.arguments { excluded.formUnion(try resolve(token, block)) }
        }
        return excluded
    }

    private static func resolve(_ token: Token, _ block: BlockContext) throws(Diagnostic) -> [IPAddress] {
        if let address = IPAddress(token.text) { return [address] }
        if let addresses = block.check.interfaceAddresses(token.text) { return addresses }
        let hint: String? =
            token.text.hasPrefix("__PILLAR__")
            ? "a placeholder was not replaced: check this file as a template"
            : token.text.contains("%") ? "name the interface itself, or leave the zone away" : nil
        throw Diagnostic(
            at: token.location,
            "not a valid IP address or interface name: \"\(token.text)\"",
            hint: hint
        )
    }
}
