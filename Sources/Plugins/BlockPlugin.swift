// How a configured plugin becomes part of a server block at run time.

package import Corefile
package import DNSWire
package import Resolution

/// A plugin that takes part in answering.
package protocol BlockPlugin: PluginConfiguration {
    /// The directive's name; label `name` of `coredns_plugin_enabled`.
    static var name: String { get }
    /// Adds the plugin's steps to those of its block; called in the order of execution.
    func join(_ block: inout ServerBlock.Plugins, in place: PluginPlace)
}

/// Where a plugin's steps will run.
package struct PluginPlace: Sendable {
    /// The block's zones, the first of which names the block.
    package let zones: [DomainName]
    /// Numbers that outlive reloads.
    package let numbers: PluginNumbers
    /// The name of the node, for those who ask who answers.
    package var host: String { numbers.host }
}

extension ServerBlock.Plugins {
    /// The steps of all plugins of a block.
    package init(_ block: ServerBlockConfiguration, numbers: PluginNumbers) {
        self.init()
        let place = PluginPlace(zones: block.zones.map(\.name), numbers: numbers)
        for case let plugin as any BlockPlugin in block.plugins { plugin.join(&self, in: place) }
    }
}
