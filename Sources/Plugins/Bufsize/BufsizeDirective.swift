// `bufsize`: the largest reply over UDP (node-cache reference 3.2).

package import Corefile
package import Resolution

/// What the `bufsize` line of a block says.
package struct BufsizeConfiguration: PluginConfiguration {
    /// In octets. More than 1232 changes nothing: larger replies would come in fragments, and are not sent anyway.
    package var size: Int
}

extension BufsizeConfiguration: BlockPlugin {
    package static var name: String { Bufsize.name }

    package func join(_ block: inout ServerBlock.Plugins, in place: PluginPlace) {
        block.udpCeiling = min(block.udpCeiling, size)
    }
}

package enum Bufsize: Directive {
    package static let name = "bufsize"
    static let size = Setting(
        "bufsize SIZE",
        default: 1232,
        allowed: 512...4096,
        unit: "octets",
        because: "CoreDNS' bounds; more than 1232 counts as 1232"
    )
    package static let settings = [size.summary]

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        let configuration = block.attempt { () throws(Diagnostic) -> BufsizeConfiguration in
            try line.requireArguments(0...1, expected: "bufsize [SIZE]")
            try line.requireNoBlock()
            return BufsizeConfiguration(size: try line.argument(0).map(size.read) ?? size.defaultValue)
        }
        return configuration.map { [$0] } ?? []
    }
}
