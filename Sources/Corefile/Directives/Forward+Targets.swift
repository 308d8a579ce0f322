// The TO words of a `forward` line: addresses, TLS addresses, files in resolv.conf format, and our own word
// for the cluster DNS that nobody has found yet.

import Addresses

extension ForwardConfiguration {
    /// Stays in a rendered template while the cluster DNS Service has no address (`Template`).
    package static let clusterDNSPlaceholder = "__PILLAR__CLUSTER__DNS__"

    /// Reads one TO word that is no file; `template` and `forward` judge stub domains' servers by the same
    /// rule.
    package static func target(_ text: String) -> Target? {
        // Also with a scheme or a port around it.
        if text.contains(clusterDNSPlaceholder) { return .unresolvedClusterDNS }
        if text.hasPrefix("tls://") { return tlsTarget(text.dropFirst(6)) }
        return plainTarget(text.hasPrefix("dns://") ? text.dropFirst(6) : text[...])
    }

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
    /// Read and understood, but nothing here can speak it yet: better told by a check than by a worker.
    static func refuseEncryption(
        _ configuration: ForwardConfiguration,
        _ line: DirectiveSyntax
    ) throws(Diagnostic) {
        let isEncrypted = configuration.targets.contains { if case .tls = $0 { true } else { false } }
        guard isEncrypted || configuration.tls != nil || configuration.tlsServerName != nil else { return }
        throw Diagnostic(
            at: line.name.location,
            "forwarding over TLS is not available in this version",
            hint: "remove 'tls', 'tls_servername' and 'tls://' to ask over plain DNS"
        )
    }

    /// Every bad word is reported; the good ones are kept.
    static func readTargets(
        _ tokens: some Sequence<Token>,
        into configuration: inout ForwardConfiguration,
        _ block: BlockContext
    ) {
        for token in tokens {
            if let scheme = token.text.firstRange(of: "://"),
                !["dns", "tls"].contains(token.text[..<scheme.lowerBound])
            {
                block.report(
                    Diagnostic(
                        at: token.location,
                        "'\(token.text[..<scheme.lowerBound])' is not supported as a destination protocol in "
                            + "forward: \(token.text)",
                        hint: "write an address, dns://ADDRESS or tls://ADDRESS"
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
                configuration.targets.append(target)
            } else {
                block.attempt { () throws(Diagnostic) in
                    configuration.targets += try readResolverFile(token, block)
                    configuration.resolverFiles.append(token.text)
                }
            }
        }
    }

    /// Every `nameserver` line of a file in resolv.conf format, port 53.
    private static func readResolverFile(
        _ token: Token,
        _ block: BlockContext
    ) throws(Diagnostic) -> [ForwardConfiguration.Target] {
        let text: String
        do throws(SourceError) {
            text = try block.check.read(token.text)
        } catch {
            throw Diagnostic(
                at: token.location,
                "not an IP address or file: \"\(token.text)\"",
                hint: hint(for: token.text, error)
            )
        }
        var targets: [ForwardConfiguration.Target] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split { $0.isWhitespace }
            guard words.count >= 2, words[0] == "nameserver" else { continue }
            guard let address = IPAddress(words[1].prefix { $0 != "%" }) else {
                block.warn(
                    at: token,
                    "\(token.text):\(index + 1): nameserver \"\(words[1])\" is not an IP address, skipped"
                )
                continue
            }
            targets.append(.plain(Endpoint(address, port: 53)))
        }
        guard !targets.isEmpty else {
            throw Diagnostic(
                at: token.location,
                "no nameservers found",
                hint: "\(token.text) has no 'nameserver ADDRESS' line"
            )
        }
        return targets
    }

    private static func hint(for text: String, _ error: SourceError) -> String {
        switch error {
        case .isDirectory: return "it is a directory"
        case .unreadable(let reason): return reason
        case .notFound: break
        }
        if text.hasPrefix("__PILLAR__") || text == "<nil>" {
            return "a placeholder was not replaced: check this file as a template"
        }
        if text.contains("/") { return "there is no such file" }
        return "write IP, IP:PORT, [IPv6]:PORT or the path of a resolv.conf"
    }
}
