// `reload`: look for a changed Corefile from time to time (node-cache reference 3.15).

/// What the `reload` line of a block says.
package struct ReloadConfiguration: PluginConfiguration {
    package var interval: GoDuration
    /// The period is the interval plus or minus up to half of this; at most half the interval.
    package var jitter: GoDuration
}

extension ServerBlockConfiguration {
    package var reload: ReloadConfiguration? { plugin() }
}

extension AgentConfiguration {
    /// One setting per process: the last block's wins; nil when no block has the plugin.
    package var reload: ReloadConfiguration? { blocks.lazy.compactMap(\.reload).last }
}
