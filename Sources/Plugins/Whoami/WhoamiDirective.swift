// `whoami`: tells clients how they look from here (node-cache reference 3.19).

package import Corefile

/// The presence of a `whoami` line.
package struct WhoamiConfiguration: PluginConfiguration {
    package init() {}

    package var decidesAnswers: Bool { true }
}

package enum Whoami: Directive {
    package static let name = "whoami"

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        block.attempt { () throws(Diagnostic) in
            try line.requireArguments(0...0, expected: "whoami")
            try line.requireNoBlock()
        }
        return [WhoamiConfiguration()]
    }
}
