// `loop`: find out whether our own questions come back to us (node-cache reference 3.12).

/// The presence of a `loop` line.
package struct LoopConfiguration: PluginConfiguration {
    package init() {}
}

extension ServerBlockConfiguration {
    /// Whether the block has a `loop` line.
    package var detectsLoops: Bool { plugin(LoopConfiguration.self) != nil }
}

package enum Loop: Directive {
    package static let name = "loop"

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        block.attempt { () throws(Diagnostic) in
            try line.requireArguments(0...0, expected: "loop")
            try line.requireNoBlock()
        }
        return [LoopConfiguration()]
    }
}
