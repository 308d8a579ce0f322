// Directives that are one word: to be there is all they say.

import Corefile

/// A directive without arguments and block.
protocol BareDirective: Directive {
    associatedtype Presence: PluginConfiguration
    /// What it puts into the configuration.
    static var presence: Presence { get }
}

extension BareDirective {
    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        block.attempt { () throws(Diagnostic) in
            try line.requireArguments(0...0, expected: name)
            try line.requireNoBlock()
        }
        return [presence]
    }
}
