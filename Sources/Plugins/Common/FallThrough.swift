// `fallthrough [ZONES...]`: what a plugin does not know is left to the next one.

import Corefile
package import DNSWire

/// For which names a plugin lets the next one try.
package struct FallThrough: Hashable, Sendable {
    /// Nobody falls through when this is empty.
    package var zones: [DomainName] = []

    /// Whether `name` goes on to the next plugin.
    func lets(_ name: DomainName) -> Bool { zones.contains { name.isWithin($0) } }

    /// All names when the line names no zones.
    mutating func read(_ line: DirectiveSyntax, _ block: BlockContext) {
        zones = line.arguments.isEmpty ? [.root] : block.readZones(line.arguments)
    }
}
