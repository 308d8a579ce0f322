// The template of node-cache: a Corefile with placeholders that only the node can fill (node-cache reference
// 1.4), and one block per stub domain behind it. Text in, text out; the result is checked like any Corefile.
//
// Different from node-cache on purpose (its chapter 7): without a cluster DNS address the placeholder stays
// and means "not found yet" instead of `<nil>`; stub domains are sorted, and one that the template serves
// itself is left out; `force_tcp` is dropped at any indentation; in `ADDRESS:PORT` only the first local
// address is used.

package import Addresses
import DNSWire

/// What the placeholders of a template stand for.
package struct TemplateValues: Hashable, Sendable {
    /// `__PILLAR__LOCAL__DNS__`: all of `-localip`.
    package var localAddresses: [IPAddress]
    /// `__PILLAR__CLUSTER__DNS__`: the upstream Service, when it is known.
    package var clusterDNS: IPAddress?
    /// `__PROMETHEUS__ENDPOINT__`: `-prometheus-listen-address`.
    package var prometheusEndpoint: String
    /// The port of stub-domain blocks (`-dns.port`).
    package var dnsPort: UInt16
    /// Stub domains, and the servers for `__PILLAR__UPSTREAM__SERVERS__`.
    package var configMap: KubeDNSConfigMap

    package init(
        localAddresses: [IPAddress],
        clusterDNS: IPAddress? = nil,
        prometheusEndpoint: String = ":9253",
        dnsPort: UInt16 = 53,
        configMap: KubeDNSConfigMap = KubeDNSConfigMap()
    ) {
        self.localAddresses = localAddresses
        self.clusterDNS = clusterDNS
        self.prometheusEndpoint = prometheusEndpoint
        self.dnsPort = dnsPort
        self.configMap = configMap
    }
}

/// A Corefile made from a template.
package struct RenderedTemplate: Hashable, Sendable {
    /// The whole Corefile.
    package let text: String
    /// A `forward` still waits for the cluster DNS address; its names get SERVFAIL until then.
    package let missingClusterDNS: Bool
    /// Stub domains left out, placeholders left over.
    package let diagnostics: [Diagnostic]
}

/// Fills templates.
package enum Template {
    private enum Placeholder {
        static let upstreamServers = "__PILLAR__UPSTREAM__SERVERS__"
        static let clusterDNS = ForwardConfiguration.clusterDNSPlaceholder
        static let localDNS = "__PILLAR__LOCAL__DNS__"
        static let dnsServer = "__PILLAR__DNS__SERVER__"
        static let prometheusEndpoint = "__PROMETHEUS__ENDPOINT__"
    }

    /// Fills a template; `mainFile` is the path the result will have, `sources` is asked for what it imports.
    package static func render(
        _ template: String,
        mainFile: String,
        values: TemplateValues,
        sources: Sources
    ) -> RenderedTemplate {
        var text = replacingUpstreamServers(in: template, by: values.configMap.upstreamServers)
        if let address = values.clusterDNS {
            text = text.replacing(Placeholder.clusterDNS, with: address.description)
        }
        text = replacingLocalAddresses(in: text, by: values.localAddresses)
        text = text.replacing(Placeholder.dnsServer, with: "")
        text = text.replacing(Placeholder.prometheusEndpoint, with: values.prometheusEndpoint)
        var diagnostics = leftovers(in: text, mainFile: mainFile)
        let missing = text.contains(Placeholder.clusterDNS)
        text += stubDomainBlocks(text, mainFile, values, sources, &diagnostics)
        return RenderedTemplate(text: text, missingClusterDNS: missing, diagnostics: diagnostics)
    }

    // MARK: - Placeholders

    /// Servers of the ConfigMap are asked over UDP: a `force_tcp` that stands alone in the block is dropped.
    private static func replacingUpstreamServers(in text: String, by servers: [String]) -> String {
        guard !servers.isEmpty else {
            return text.replacing(Placeholder.upstreamServers, with: "/etc/resolv.conf")
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let words = lines.map { $0.split { $0.isWhitespace } }
        var result: [Substring] = []
        var index = 0
        while index < lines.count {
            result.append(lines[index])
            if words[index] == ["forward", ".", Placeholder.upstreamServers[...], "{"],
                index + 2 < lines.count,
                words[index + 1] == ["force_tcp"], words[index + 2] == ["}"]
            {
                result[result.count - 1] = lines[index].prefix { $0 != "{" }
                while result[result.count - 1].last?.isWhitespace == true {
                    result[result.count - 1].removeLast()
                }
                index += 2
            }
            index += 1
        }
        return result.joined(separator: "\n")
            .replacing(Placeholder.upstreamServers, with: servers.joined(separator: " "))
    }

    /// A list of addresses where a list can stand, the first one, bracketed as needed, in front of a port.
    private static func replacingLocalAddresses(in text: String, by addresses: [IPAddress]) -> String {
        var text = text
        if let first = addresses.first {
            let host = first.family == .v4 ? "\(first):" : "[\(first)]:"
            text = text.replacing("[\(Placeholder.localDNS)]:", with: host)
            text = text.replacing("\(Placeholder.localDNS):", with: host)
        }
        let list = addresses.map(\.description).joined(separator: " ")
        return text.replacing(Placeholder.localDNS, with: list)
    }

    /// What only the administrator can replace, such as `__PILLAR__DNS__DOMAIN__`.
    private static func leftovers(in text: String, mainFile: String) -> [Diagnostic] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.enumerated().compactMap { index, line in
            let code = line.prefix { $0 != "#" }.replacing(Placeholder.clusterDNS, with: "")
            guard let start = code.firstRange(of: "__PILLAR__") else { return nil }
            let name = code[start.lowerBound...].prefix { $0.isLetter || $0 == "_" }
            let column = line.unicodeScalars.distance(
                from: line.startIndex,
                to: line.firstRange(of: name)?.lowerBound ?? line.startIndex
            )
            return Diagnostic(
                .warning,
                at: SourceLocation(file: mainFile, line: index + 1, column: column + 1),
                "placeholder \(name) was not replaced",
                hint: "replace it in the manifest, as its documentation says (sed)"
            )
        }
    }

    // MARK: - Stub domains

    private static func stubDomainBlocks(
        _ text: String,
        _ mainFile: String,
        _ values: TemplateValues,
        _ sources: Sources,
        _ diagnostics: inout [Diagnostic]
    ) -> String {
        guard !values.configMap.stubDomains.isEmpty else { return "" }
        let taken = servedZones(text, mainFile, values.dnsPort, sources)
        let bind = values.localAddresses.map(\.description).joined(separator: " ")
        var blocks = ""
        for stub in values.configMap.stubDomains {
            let name = stub.domain.description.dropLast()
            if let location = taken[ZoneKey(stub.domain, port: values.dnsPort)] {
                diagnostics.append(
                    Diagnostic(
                        at: location,
                        "stub domain \(name) is left out: this block serves it already",
                        hint: "remove it here or in the kube-dns ConfigMap"
                    )
                )
                continue
            }
            blocks += "\n\(name):\(values.dnsPort) {\n    errors\n    cache 30\n"
            if !bind.isEmpty { blocks += "    bind \(bind)\n" }
            blocks += "    forward . \(stub.servers.joined(separator: " "))\n}\n"
        }
        return blocks
    }

    /// The zones of the template's own blocks; what is wrong with it is told when the result is checked.
    private static func servedZones(
        _ text: String,
        _ mainFile: String,
        _ port: UInt16,
        _ sources: Sources
    ) -> [ZoneKey: SourceLocation] {
        let check = Check(sources: sources, defaultPort: port)
        let tree = Parser.parse(text, file: mainFile, check: check)
        var zones: [ZoneKey: SourceLocation] = [:]
        for key in tree.blocks.flatMap(\.keys) {
            for zone in (try? ZoneKey.read(key, defaultPort: port)) ?? [] { zones[zone] = key.location }
        }
        return zones
    }
}
