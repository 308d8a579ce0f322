// The `tls` property and what `tls://` targets need: the files are read here, with the configuration, because who
// asks the servers has no files (docs/decisions/0004).

extension Forward {
    /// Whom Debian trusts, and our image.
    static let systemAuthorities = "/etc/ssl/certs/ca-certificates.crt"

    /// Reads the files of the last `tls` line, the system's authorities where it names none; nil for a `forward`
    /// without TLS.
    static func readTLS(
        _ line: DirectiveSyntax,
        for targets: [ForwardConfiguration.Target],
        _ block: BlockContext
    ) throws(Diagnostic) -> ForwardConfiguration.TLS? {
        let property = line.lines.last { $0.name.text == "tls" }
        let isEncrypted = targets.contains { if case .tls = $0 { true } else { false } }
        guard isEncrypted || property != nil else { return nil }
        let words = property?.arguments ?? []
        // Too many were reported already.
        guard words.count <= 3 else { return nil }
        let place = property?.name ?? line.name
        // One file is an authority; two are certificate and key, a third one the authority.
        let own = words.count >= 2 ? (words[0], words[1]) : nil
        let authority = words.count.isMultiple(of: 2) ? nil : words.last
        let certificate = try own.map { (own) throws(Diagnostic) in try PEMFile.read(own.0.text, own.0, block)
        }
        let key = try own.map { (own) throws(Diagnostic) in try PEMFile.read(own.1.text, own.1, block) }
        let authorities =
            if let authority {
                try PEMFile.read(authority.text, authority, block)
            } else {
                try readSystemAuthorities(place, block)
            }
        let tls = ForwardConfiguration.TLS(
            certificate: certificate?.text,
            key: key?.text,
            authorities: authorities.text
        )
        guard let flaw = block.check.flaw(of: tls) else { return tls }
        let file =
            switch flaw.part {
            case .certificate: certificate ?? authorities
            case .key: key ?? authorities
            case .authorities: authorities
            }
        throw Diagnostic(
            at: file.place.location,
            "\(file.path): \(flaw.reason)",
            hint: "write: tls [CERT KEY] [CA], files in PEM form"
        )
    }

    /// `SSL_CERT_FILE` overrules the place, as in Go programs.
    private static func readSystemAuthorities(
        _ place: Token,
        _ block: BlockContext
    ) throws(Diagnostic) -> PEMFile {
        let named = block.check.environment("SSL_CERT_FILE").flatMap { $0.isEmpty ? nil : $0 }
        return try PEMFile.read(
            named ?? systemAuthorities,
            place,
            block,
            hint: "these are the system's trusted authorities: mount them, or name others with 'tls CA'"
        )
    }
}
