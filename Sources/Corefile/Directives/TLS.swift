// `tls`: who we are to the clients of `tls://` blocks (RFC 7858).

/// The certificate of a block, with the texts of its files.
package struct ServerTLSConfiguration: PluginConfiguration {
    /// Whether clients show who they are.
    package enum ClientAuthentication: String, Hashable, Sendable, CaseIterable {
        case none = "nocert"
        case verifiedIfGiven = "verify_if_given"
        case required = "require_and_verify"
    }

    /// PEM texts.
    package let certificate: String
    package let key: String
    /// Whom clients' certificates must be signed by; nil where clients need none.
    package let authorities: String?
    package let clientAuthentication: ClientAuthentication
}

package enum TLS: Directive {
    package static let name = "tls"
    package static let properties = [
        DirectiveProperty("client_auth nocert|verify_if_given|require_and_verify"),
        DirectiveProperty(
            "client_auth request|require",
            .refused(because: "a certificate that nobody verifies proves nothing")
        ),
    ]
    private static let form = "tls CERT KEY [CA]"

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        // What is wrong with a line was said; that there is none would be said on top of it.
        let nothing = ServerTLSConfiguration(
            certificate: "",
            key: "",
            authorities: nil,
            clientAuthentication: .none
        )
        return [block.attempt { () throws(Diagnostic) in try read(line, block) } ?? nothing]
    }

    private static func read(
        _ line: DirectiveSyntax,
        _ block: BlockContext
    ) throws(Diagnostic) -> ServerTLSConfiguration {
        try line.requireArguments(2...3, expected: form)
        let words = line.arguments
        let certificate = try PEMFile.read(words[0].text, words[0], block)
        let key = try PEMFile.read(words[1].text, words[1], block)
        let authorities =
            if words.count == 3 { try PEMFile.read(words[2].text, words[2], block) } else { nil as PEMFile? }
        // Whoever speaks TLS judges all three alike; without authorities the certificate stands in for them.
        let texts = ForwardConfiguration.TLS(
            certificate: certificate.text,
            key: key.text,
            authorities: authorities?.text ?? certificate.text
        )
        if let flaw = block.check.flaw(of: texts) {
            let file =
                switch flaw.part {
                case .certificate: certificate
                case .key: key
                case .authorities: authorities ?? certificate
                }
            throw Diagnostic(
                at: file.place.location,
                "\(file.path): \(flaw.reason)",
                hint: "write: \(form), files in PEM form"
            )
        }
        return ServerTLSConfiguration(
            certificate: certificate.text,
            key: key.text,
            authorities: authorities?.text,
            clientAuthentication: try clientAuthentication(line, hasAuthorities: authorities != nil, block)
        )
    }

    private static func clientAuthentication(
        _ line: DirectiveSyntax,
        hasAuthorities: Bool,
        _ block: BlockContext
    ) throws(Diagnostic) -> ServerTLSConfiguration.ClientAuthentication {
        var mode = ServerTLSConfiguration.ClientAuthentication.none
        for property in line.lines {
            guard property.name.text == "client_auth" else {
                throw block.unknownProperty(property, known: ["client_auth"])
            }
            try property.requireArguments(1...1, expected: "client_auth MODE")
            let word = property.arguments[0]
            guard let known = ServerTLSConfiguration.ClientAuthentication(rawValue: word.text) else {
                let isUnverified = ["request", "require"].contains(word.text)
                throw Diagnostic(
                    at: word.location,
                    isUnverified
                        ? "client_auth \(word.text) is not available: a certificate that nobody verifies proves nothing"
                        : "unknown authentication type '\(word.text)'",
                    hint: "known: nocert, verify_if_given, require_and_verify"
                )
            }
            guard known == .none || hasAuthorities else {
                throw Diagnostic(
                    at: word.location,
                    "client_auth \(word.text) needs authorities",
                    hint: "write: \(form)"
                )
            }
            mode = known
        }
        return mode
    }
}
