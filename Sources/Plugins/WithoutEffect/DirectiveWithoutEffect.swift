// Plugins that are accepted because Corefiles in the field have them, and that have nothing to do here: they tune
// or show the insides of another program. The check says so in a warning, which is logged once per configuration.

package import Corefile

/// A directive that changes nothing.
protocol DirectiveWithoutEffect: Directive {
    /// How the line is written, for documents and errors.
    static var form: String { get }
    /// Arguments that CoreDNS takes.
    static var arguments: ClosedRange<Int> { get }
    /// Why it changes nothing, behind `accepted without effect: `.
    static var reason: String { get }
}

extension DirectiveWithoutEffect {
    package static var support: Support { .withoutEffect(because: reason) }

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        for line in lines {
            block.attempt { () throws(Diagnostic) in
                try line.requireArguments(arguments, expected: form)
                if properties.isEmpty { try line.requireNoBlock() }
            }
            block.warn(at: line.name, "accepted without effect: \(reason)", hint: "the line may be removed")
        }
        return []
    }
}

/// `root [PATH]`: where relative paths of zone files begin.
package enum Root: DirectiveWithoutEffect {
    package static let name = "root"
    static let form = "root PATH"
    static let arguments = 1...1
    static let reason = "there are no zone files"
}

/// `metadata [ZONES...]`: labels of plugins for log lines.
package enum Metadata: DirectiveWithoutEffect {
    package static let name = "metadata"
    static let form = "metadata [ZONES...]"
    static let arguments = 0...1024
    static let reason = "labels are gathered where a template or a rewrite needs them"
}

/// `cancel [TIMEOUT]`: ends what takes too long.
package enum Cancel: DirectiveWithoutEffect {
    package static let name = "cancel"
    static let form = "cancel [TIMEOUT]"
    static let arguments = 0...1
    static let reason = "every question ends after 4.5 s at the latest"
}

/// `multisocket [N]`: more sockets per address.
package enum Multisocket: DirectiveWithoutEffect {
    package static let name = "multisocket"
    static let form = "multisocket [NUMBER]"
    static let arguments = 0...1
    static let reason = "the flag -threads says how many sockets an address has"
}

/// `debug`: Go's stack traces, and wrong replies as hexadecimal numbers.
package enum Debug: DirectiveWithoutEffect {
    package static let name = "debug"
    static let form = "debug"
    static let arguments = 0...0
    static let reason = "the flag -log-level says what is logged"
}

/// `trace [TYPE] [ENDPOINT] { … }`: spans per query.
package enum Trace: DirectiveWithoutEffect {
    package static let name = "trace"
    package static let properties = [
        "every N", "service NAME", "client_server [BOOL]", "datadog_analytics_rate RATE",
        "zipkin_max_backlog_size N", "zipkin_max_batch_size N", "zipkin_max_batch_interval DURATION",
    ].map { DirectiveProperty($0, .withoutEffect(because: reason)) }
    static let form = "trace [TYPE] [ENDPOINT]"
    static let arguments = 0...2
    static let reason = "queries are measured in the metrics, not traced"
}

/// `pprof [ADDRESS] { block [RATE] }`: Go's profiler.
package enum Pprof: DirectiveWithoutEffect {
    package static let name = "pprof"
    package static let properties = [
        DirectiveProperty("block [RATE]", .withoutEffect(because: reason))
    ]
    static let form = "pprof [ADDRESS]"
    static let arguments = 0...1
    static let reason = "it is a profiler of Go programs; use perf"
}
