// The list of directives in the order of execution. A new plugin is one file in `Directives` and one line
// here.

/// Which directives there are.
enum DirectiveTable {
    enum Entry: Sendable {
        /// Ours.
        case available(any Directive.Type)
        /// Part of node-cache, not of us yet.
        case planned(String)

        var name: String {
            switch self {
            case .available(let directive): directive.name
            case .planned(let name): name
            }
        }
    }

    /// The order of lines in a file does not matter, this does (node-cache reference 2.6).
    static let inOrder: [Entry] = [
        .planned("metadata"),
        .planned("timeouts"),
        .available(Reload.self),
        .planned("bufsize"),
        .available(Bind.self),
        .planned("debug"),
        .planned("trace"),
        .available(Health.self),
        .planned("pprof"),
        .available(Prometheus.self),
        .available(Errors.self),
        .available(Log.self),
        .planned("dnstap"),
        .planned("dns64"),
        .planned("loadbalance"),
        .available(Cache.self),
        .planned("rewrite"),
        .planned("template"),
        .planned("hosts"),
        .available(Loop.self),
        .available(Forward.self),
        .planned("whoami"),
    ]

    /// Directives of CoreDNS that node-cache never had.
    static let foreign: Set<String> = [
        "root", "geoip", "cancel", "tls", "quic", "multisocket", "nsid", "ready", "local", "acl", "any",
        "chaos",
        "tsig", "header", "dnssec", "autopath", "minimal", "transfer", "route53", "azure", "clouddns",
        "k8s_external", "kubernetes", "file", "auto", "secondary", "etcd", "grpc", "erratic", "on", "sign",
        "view",
        "nomad",
    ]

    /// The names that may be written today.
    static let availableNames = inOrder.compactMap { entry -> String? in
        if case .available(let directive) = entry { directive.name } else { nil }
    }

    /// Why a name that is not available is refused.
    static func refusal(of name: Token) -> Diagnostic {
        if foreign.contains(name.text) || inOrder.contains(where: { $0.name == name.text }) {
            return Diagnostic(
                at: name.location,
                "plugin '\(name.text)' is known but not available in this version",
                hint: "remove the line; available are: " + availableNames.joined(separator: ", ")
            )
        }
        return Diagnostic(
            at: name.location,
            "Unknown directive '\(name.text)'",
            hint: Spelling.guess(name.text, among: availableNames)
                ?? "available are: " + availableNames.joined(separator: ", ")
        )
    }
}

/// The limits of every directive, for documents.
package enum DirectiveSettings {
    /// By directive, in the order of execution.
    package static var all: [(directive: String, settings: [SettingSummary])] {
        DirectiveTable.inOrder.compactMap { entry in
            if case .available(let directive) = entry { (directive.name, directive.settings) } else { nil }
        }
    }
}
