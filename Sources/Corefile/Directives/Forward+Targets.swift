// The TO words of a `forward` line: addresses, TLS addresses, files in resolv.conf format (ResolverFile.swift),
// and our own word for the cluster DNS that nobody has found yet.

import Addresses
import DNSWire

extension ForwardConfiguration {
    /// Stays in a rendered template while the cluster DNS Service has no address (`Template`).
    package static let clusterDNSPlaceholder = "__PILLAR__CLUSTER__DNS__"

    /// Reads one TO word that is no file; `template` and `forward` judge stub domains' servers by the same
    /// rule.
    package static func target(_ text: String) -> Target? {
        // Also with a scheme or a port around it.
        if text.contains(clusterDNSPlaceholder) { return .unresolvedClusterDNS }
        if text.hasPrefix(discoveryScheme) {
            return DomainName(text.dropFirst(discoveryScheme.count)).map { .discovered($0) }
        }
        if text.hasPrefix("tls://") { return tlsTarget(text.dropFirst(6)) }
        return plainTarget(text.hasPrefix("dns://") ? text.dropFirst(6) : text[...])
    }

    /// In front of the name of a service, `_dns-tcp._tcp.…`.
    package static let discoveryScheme = "dns+srv://"

    private static func plainTarget(_ text: Substring) -> Target? {
        guard let (host, written) = split(text) else { return nil }
        let port = written ?? 53
        // The zone of a link-local address is dropped, as CoreDNS drops it.
        let address = host.prefix { $0 != "%" }
        return IPAddress(address).map { .plain(Endpoint($0, port: port)) }
    }

    /// `IP[%servername][:port]`.
    private static func tlsTarget(_ text: Substring) -> Target? {
        guard let (host, written) = split(text) else { return nil }
        let port = written ?? 853
        let address = host.prefix { $0 != "%" }
        let name = host.dropFirst(address.count + 1)
        return IPAddress(address).map {
            .tls(Endpoint($0, port: port), serverName: name.isEmpty ? nil : String(name))
        }
    }

    /// Splits `host[:port]`; an IPv6 address with a port needs brackets.
    private static func split(_ text: Substring) -> (host: Substring, port: UInt16?)? {
        let isBracketed = text.first == "["
        guard isBracketed || text.count(where: { $0 == ":" }) == 1 else { return (text, nil) }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
            port > 0
        else { return nil }
        guard isBracketed else { return (text[..<colon], port) }
        guard text[..<colon].last == "]" else { return nil }
        return (text[..<colon].dropFirst().dropLast(), port)
    }
}

extension Forward {
    /// `resolver ADDRESS…`: addresses only, each may still be unknown.
    static func readResolvers(_ line: DirectiveSyntax) throws(Diagnostic) -> [ForwardConfiguration.Target] {
        guard !line.arguments.isEmpty else { throw line.argumentError(expected: "resolver ADDRESS…") }
        var resolvers: [ForwardConfiguration.Target] = []
        for token in line.arguments {
            switch ForwardConfiguration.target(token.text) {
            case .plain(let endpoint): resolvers.append(.plain(endpoint))
            case .unresolvedClusterDNS: resolvers.append(.unresolvedClusterDNS)
            case .tls, .discovered, nil:
                throw Diagnostic(
                    at: token.location,
                    "not an IP address: \"\(token.text)\"",
                    hint:
                        "write the address of a server that knows the service, such as the upstream Service's"
                )
            }
        }
        return resolvers
    }

    /// A discovered target stands alone and has its resolver; nobody else needs one.
    static func checkDiscovery(
        _ configuration: inout ForwardConfiguration,
        _ line: DirectiveSyntax
    ) throws(Diagnostic) {
        let isDiscovered = configuration.targets.contains { if case .discovered = $0 { true } else { false } }
        guard isDiscovered else {
            guard configuration.resolvers.isEmpty else {
                throw Diagnostic(
                    at: line.name.location,
                    "resolver is set, but no target is looked up",
                    hint: "remove it, or forward to \(ForwardConfiguration.discoveryScheme)NAME"
                )
            }
            return
        }
        if configuration.targets.count > 1 {
            throw Diagnostic(
                at: line.arguments[1].location,
                "a looked-up target stands alone",
                hint: "write a second 'forward' line, and 'next' in this one"
            )
        }
        if configuration.resolvers.isEmpty {
            throw Diagnostic(
                at: line.arguments[1].location,
                "nobody is named who could look up \(line.arguments[1].text)",
                hint: "add 'resolver ADDRESS', such as \(ForwardConfiguration.clusterDNSPlaceholder)"
            )
        }
        // CoreDNS' default is for lists that somebody wrote; behind a name are many like servers.
        let hasPolicy = line.lines.contains { $0.name.text == "policy" }
        if !hasPolicy { configuration.policy = .latency }
    }

    /// Every bad word is reported; the good ones are kept.
    static func readTargets(
        _ tokens: some Sequence<Token>,
        into configuration: inout ForwardConfiguration,
        _ block: BlockContext
    ) {
        for token in tokens {
            if let scheme = token.text.firstRange(of: "://"),
                !["dns", "tls", "dns+srv"].contains(token.text[..<scheme.lowerBound])
            {
                block.report(
                    Diagnostic(
                        at: token.location,
                        "'\(token.text[..<scheme.lowerBound])' is not supported as a destination protocol in "
                            + "forward: \(token.text)",
                        hint: "write an address, dns://ADDRESS, tls://ADDRESS or dns+srv://NAME"
                    )
                )
            } else if let target = ForwardConfiguration.target(token.text) {
                if target == .unresolvedClusterDNS {
                    block.warn(
                        at: token,
                        "the cluster DNS address is not known yet",
                        hint: "these names get SERVFAIL until the upstream Service is found"
                    )
                }
                let origin = ForwardConfiguration.TargetOrigin(location: token.location, fileLine: nil)
                configuration.add(target, from: origin)
            } else {
                block.attempt { () throws(Diagnostic) in
                    for (target, origin) in try ResolverFile.targets(in: token, block) {
                        configuration.add(target, from: origin)
                    }
                    configuration.resolverFiles.append(token.text)
                }
            }
        }
    }
}
