// The checked configuration as one immutable value. The running agent swaps whole values; nothing in here
// remembers how it was written, except origins, which never count when two values are compared.

package import Addresses
package import DNSWire

/// All server blocks of a Corefile in file order, imports expanded, checked.
package struct AgentConfiguration: Hashable, Sendable {
    package let blocks: [ServerBlockConfiguration]
    /// `-localip`.
    package let localAddresses: [IPAddress]

    package init(blocks: [ServerBlockConfiguration], localAddresses: [IPAddress] = []) {
        self.blocks = blocks
        self.localAddresses = localAddresses
    }

    /// Every address that questions to us go to.
    package var ownAddresses: Set<IPAddress> {
        Set(localAddresses + blocks.flatMap { $0.listen.places.compactMap(\.self) })
    }
}

/// Where something was written; equal to every other origin, so that a moved line changes nothing.
package struct Origin: Hashable, Sendable {
    package let location: SourceLocation

    package init(_ location: SourceLocation) { self.location = location }

    package static func == (left: Origin, right: Origin) -> Bool { true }
    package func hash(into hasher: inout Hasher) {}
}

/// What a plugin's lines in one block mean; each plugin has its own type and accessor in its own file.
package protocol PluginConfiguration: Hashable, Sendable {
    /// What the line says decides what an answer below the cache is: with another line, what was cached is void.
    var decidesAnswers: Bool { get }
}

extension PluginConfiguration {
    package var decidesAnswers: Bool { false }
}

/// A plugin that lets its block take only some queries: other blocks may have the same zones.
package protocol ConditionalConfiguration: PluginConfiguration {
    /// The condition's name.
    var condition: String { get }
}

/// One server block: which zones it serves, where, and with which plugins.
package struct ServerBlockConfiguration: Sendable {
    /// Never empty; in the order of the keys, networks expanded to reverse zones.
    package let zones: [ZoneKey]
    /// In the order of execution (`DirectiveTable`), repeated plugins in file order.
    package let plugins: [any PluginConfiguration]
    /// The first key, for messages.
    package let origin: Origin

    package init(
        zones: [ZoneKey],
        plugins: [any PluginConfiguration] = [],
        origin: Origin = Origin(SourceLocation(file: "", line: 0, column: 0))
    ) {
        self.zones = zones
        self.plugins = plugins
        self.origin = origin
    }

    /// Where a block listens.
    package enum Listen: Hashable, Sendable {
        /// No `bind` line: the wildcard address of both families.
        case everywhere
        /// In file order, without duplicates, interface names resolved.
        case addresses([IPAddress])
    }

    /// Where the block listens: the addresses of all `bind` lines, or every address when there is none.
    package var listen: Listen {
        plugin(BindConfiguration.self).map { .addresses($0.addresses) } ?? .everywhere
    }

    /// The name of the condition under which the block takes queries; nil: it takes all of its zones'.
    package var condition: String? {
        plugins.lazy.compactMap { ($0 as? any ConditionalConfiguration)?.condition }.first
    }

    /// The configuration of one plugin; the first where it may stand several times.
    package func plugin<Configuration: PluginConfiguration>(
        _ type: Configuration.Type = Configuration.self
    ) -> Configuration? {
        plugins.lazy.compactMap { $0 as? Configuration }.first
    }

    /// The configurations of a plugin that may stand several times, in file order.
    package func allPlugins<Configuration: PluginConfiguration>(
        _ type: Configuration.Type = Configuration.self
    ) -> [Configuration] {
        plugins.compactMap { $0 as? Configuration }
    }
}

// Two blocks are equal when they mean the same; a reload keeps what an equal block had built.
extension ServerBlockConfiguration: Hashable {
    package static func == (left: ServerBlockConfiguration, right: ServerBlockConfiguration) -> Bool {
        left.zones == right.zones
            && left.plugins.map { AnyHashable($0) } == right.plugins.map { AnyHashable($0) }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(zones)
        for plugin in plugins { hasher.combine(AnyHashable(plugin)) }
    }
}

// MARK: - Reload

extension ServerBlockConfiguration {
    /// What decides whether cached answers of one configuration may serve in the next.
    ///
    /// The zones they were looked up for, how they are kept, and who was asked count; ports, `bind`, `log`
    /// and the rest do not.
    package struct CacheIdentity: Hashable, Sendable {
        package let zones: [DomainName]
        package let cache: CacheConfiguration?
        package let forwards: [ForwardConfiguration.Source]
        /// The other plugins that decide what an answer is, such as `hosts` with its names.
        package let sources: ServerBlockConfiguration
    }

    /// Two blocks with equal identities may share one cache across a reload.
    package var cacheIdentity: CacheIdentity {
        CacheIdentity(
            zones: zones.map(\.name),
            cache: cache,
            forwards: forwards.map(\.source),
            sources: ServerBlockConfiguration(zones: [], plugins: plugins.filter(\.decidesAnswers))
        )
    }
}
