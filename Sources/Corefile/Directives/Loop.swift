// `loop`: find out whether our own questions come back to us (node-cache reference 3.12).

/// The presence of a `loop` line.
package struct LoopConfiguration: PluginConfiguration {
    package init() {}
}

extension ServerBlockConfiguration {
    package var detectsLoops: Bool { plugin(LoopConfiguration.self) != nil }
}
