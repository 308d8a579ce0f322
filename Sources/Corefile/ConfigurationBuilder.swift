// The tree becomes the typed configuration: keys to zones, lines to plugins in the order of execution.

import DNSWire

/// Gives a syntax tree its meaning.
struct ConfigurationBuilder {
    let check: Check
    let table: DirectiveTable

    /// All blocks that make some sense; what does not was reported.
    func build(_ tree: SyntaxTree) -> [ServerBlockConfiguration] {
        tree.blocks.map(build)
    }

    private func build(_ syntax: ServerBlockSyntax) -> ServerBlockConfiguration {
        let zones = syntax.keys.flatMap(readKey)
        var lines: [String: [DirectiveSyntax]] = [:]
        for directive in syntax.directives {
            if table.has(directive.name.text) {
                lines[directive.name.text, default: []].append(directive)
            } else {
                check.report(table.refusal(of: directive.name))
            }
        }
        let plugins = table.directives.flatMap { directive -> [any PluginConfiguration] in
            guard let own = lines[directive.name] else { return [] }
            let context = BlockContext(check: check, plugin: directive.name, zones: zones.map(\.name))
            for line in own { context.warnOfIdleProperties(line, of: directive) }
            return directive.configure(own, in: context)
        }
        return ServerBlockConfiguration(
            zones: zones,
            plugins: plugins,
            origin: Origin(syntax.keys[0].location)
        )
    }

    private func readKey(_ token: Token) -> [ZoneKey] {
        do throws(Diagnostic) {
            let zones = try ZoneKey.read(token, defaultPort: check.defaultPort)
            guard let scheme = zones.first?.scheme, scheme != .dns, scheme != .tls else { return zones }
            throw Diagnostic(
                at: token.location,
                "\(scheme.rawValue):// is not available",
                hint: "write tls:// for DNS over TLS, or nothing for plain DNS"
            )
        } catch {
            check.report(error)
            return []
        }
    }
}
