// `reload`: look for a changed Corefile from time to time (node-cache reference 3.15).

/// What the `reload` line of a block says.
package struct ReloadConfiguration: PluginConfiguration {
    /// The middle of the period between two looks.
    package var interval: GoDuration
    /// The period is the interval plus or minus up to half of this; at most half the interval.
    package var jitter: GoDuration
}

extension ServerBlockConfiguration {
    /// Nil without a `reload` line.
    package var reload: ReloadConfiguration? { plugin() }
}

extension AgentConfiguration {
    /// One setting per process: the last block's wins; nil when no block has the plugin.
    package var reload: ReloadConfiguration? { blocks.lazy.compactMap(\.reload).last }
}

package enum Reload: Directive {
    package static let name = "reload"

    static let interval = Setting(
        "reload INTERVAL",
        default: GoDuration.seconds(30),
        allowed: .seconds(2) ... .hours(24 * 365),
        because: "reading more often costs more than it brings",
        tooSmall: "interval value must be greater or equal to 2s"
    )
    static let jitter = Setting(
        "reload JITTER",
        default: GoDuration.seconds(15),
        allowed: .seconds(1) ... .hours(24 * 365),
        because: "keeps the nodes of a cluster from reading all at once",
        tooSmall: "jitter value must be greater or equal to 1s"
    )
    package static let settings = [interval.summary, jitter.summary]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        let configurations = lines.compactMap { line in
            block.attempt { () throws(Diagnostic) -> ReloadConfiguration in
                try line.requireArguments(0...2, expected: "reload [INTERVAL [JITTER]]")
                try line.requireNoBlock()
                let interval = try line.argument(0).map(Self.interval.read) ?? Self.interval.defaultValue
                let jitter = try line.argument(1).map(Self.jitter.read) ?? Self.jitter.defaultValue
                let half = GoDuration(nanoseconds: interval.nanoseconds / 2)
                return ReloadConfiguration(interval: interval, jitter: min(jitter, half))
            }
        }
        return configurations.suffix(1)
    }
}
