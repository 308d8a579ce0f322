// `dnstap`: copies of messages for an observer (node-cache reference 3.19). The sending is the `Dnstap` module's.

package import Addresses
package import Corefile

/// One `dnstap` line.
package struct DnstapConfiguration: PluginConfiguration {
    /// Where the observer listens.
    package enum Target: Hashable, Sendable {
        case unix(String)
        case tcp(Endpoint)
    }

    package var target: Target
    /// Copies hold the messages themselves.
    package var isFull = false
    /// Octets that the observer has not taken yet, in MiB.
    package var writeBuffer: Int
    /// Copies that wait, in units of 10 000.
    package var queue: Int
    /// Nil is the name of the node.
    package var identity: String?
    /// Nil is the program's.
    package var version: String?
    /// A log format; nil for none.
    package var extra: String?
}

package enum Dnstap: Directive {
    package static let name = "dnstap"
    package static let properties = [
        DirectiveProperty("identity TEXT"), DirectiveProperty("version TEXT"),
        DirectiveProperty("extra FORMAT"),
        DirectiveProperty("tls://ADDRESS", .refused(because: "copies travel in plain text in this version")),
        DirectiveProperty("skipverify", .withoutEffect(because: "it concerns tls://")),
    ]
    static let writeBuffer = Setting(
        "dnstap WRITEBUFFER",
        default: 1,
        allowed: 1...1024,
        unit: "MiB",
        because: "CoreDNS' bounds"
    )
    static let queue = Setting(
        "dnstap QUEUE",
        default: 1,
        allowed: 1...4096,
        unit: "x 10000 messages",
        because: "CoreDNS' bounds; 16 MiB of messages each at most"
    )
    package static let settings = [writeBuffer.summary, queue.summary]
    private static let form = "dnstap SOCKET [full] [WRITEBUFFER] [QUEUE]"

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        lines.compactMap { line in
            block.attempt { () throws(Diagnostic) in
                try line.requireArguments(1...4, expected: form)
                var configuration = DnstapConfiguration(
                    target: try target(line.arguments[0]),
                    writeBuffer: writeBuffer.defaultValue,
                    queue: queue.defaultValue
                )
                if let word = line.argument(1) {
                    guard word.text == "full" else {
                        throw Diagnostic(
                            at: word.location,
                            "unexpected word \"\(word.text)\"",
                            hint: "write: \(form)"
                        )
                    }
                    configuration.isFull = true
                }
                if let word = line.argument(2) { configuration.writeBuffer = try writeBuffer.read(word) }
                if let word = line.argument(3) { configuration.queue = try queue.read(word) }
                for property in line.lines {
                    block.attempt { () throws(Diagnostic) in
                        try apply(property, to: &configuration, block)
                    }
                }
                return configuration
            }
        }
    }

    private static func target(_ token: Token) throws(Diagnostic) -> DnstapConfiguration.Target {
        let text = token.text
        guard let separator = text.firstRange(of: "://") else { return .unix(text) }
        let rest = text[separator.upperBound...]
        switch text[..<separator.lowerBound] {
        case "unix" where !rest.isEmpty: return .unix(String(rest))
        case "tcp":
            guard let endpoint = Endpoint(rest) else {
                throw Diagnostic(
                    at: token.location,
                    "not an address with port: \"\(rest)\"",
                    hint: "write tcp://192.0.2.1:6000; a name would have to be looked up here"
                )
            }
            return .tcp(endpoint)
        case "tls":
            throw Diagnostic(
                at: token.location,
                "tls:// is not available: copies travel in plain text in this version",
                hint: "send them to a forwarder on the node, such as unix:///run/dnstap.sock"
            )
        default:
            throw Diagnostic(
                at: token.location,
                "unknown kind of socket: \"\(text)\"",
                hint: "write a path, unix://PATH or tcp://ADDRESS:PORT"
            )
        }
    }

    private static func apply(
        _ line: DirectiveSyntax,
        to configuration: inout DnstapConfiguration,
        _ block: BlockContext
    ) throws(Diagnostic) {
        switch line.name.text {
        case "skipverify":
            try line.requireArguments(0...0, expected: "skipverify")
        case "identity":
            try line.requireArguments(1...1, expected: "identity TEXT")
            configuration.identity = line.arguments[0].text
        case "version":
            try line.requireArguments(1...1, expected: "version TEXT")
            configuration.version = line.arguments[0].text
        case "extra":
            try line.requireArguments(1...1, expected: "extra FORMAT")
            configuration.extra = line.arguments[0].text
        default: throw block.unknownProperty(line, known: ["identity", "version", "extra", "skipverify"])
        }
    }
}
