// `chaos`: who answers here, for those who ask in class CH (RFC 4892).

import Addresses
package import Corefile
import DNSWire
package import Resolution

/// What the `chaos` line of a block says.
package struct ChaosConfiguration: PluginConfiguration {
    package var version: String
    package var authors: [String]
}

package enum Chaos: Directive {
    package static let name = "chaos"

    package static func configure(
        _ lines: [DirectiveSyntax],
        in block: BlockContext
    ) -> [any PluginConfiguration] {
        guard let line = block.once(lines) else { return [] }
        block.attempt { () throws(Diagnostic) in try line.requireNoBlock() }
        let words = line.arguments.map(\.text)
        return [
            ChaosConfiguration(version: words.first ?? "node-local-dns", authors: Array(words.dropFirst()))
        ]
    }
}

extension ChaosConfiguration: BlockPlugin {
    package static var name: String { Chaos.name }

    package func join(_ block: inout ServerBlock.Plugins, in place: PluginPlace) {
        block.gates.append(ChaosGate(self, host: place.host))
    }
}

/// Answers `version.bind`, `authors.bind` and `hostname.bind`, and their namesakes.
struct ChaosGate: QueryGate {
    private struct Known: Sendable {
        /// In wire form, in lower case.
        let name: [UInt8]
        let answer: ShortAnswer
    }

    private let known: [Known]
    let takesOtherClasses = true

    init(_ configuration: ChaosConfiguration, host: String) {
        var texts: [(String, [String])] = [
            ("version.bind", [configuration.version]), ("version.server", [configuration.version]),
            ("hostname.bind", [host]), ("id.server", [host]),
        ]
        if !configuration.authors.isEmpty { texts.append(("authors.bind", configuration.authors)) }
        known = texts.compactMap { name, strings in
            guard let name = DomainName(name) else { return nil }
            return Known(
                name: name.wire,
                answer: ShortAnswer(type: .txt, timeToLive: 0, data: ShortAnswer.text(strings))
            )
        }
    }

    func judge(
        _ query: borrowing Query,
        packet: Span<UInt8>,
        from client: Endpoint?,
        into output: inout MutableSpan<UInt8>
    ) -> GateVerdict {
        guard query.recordClass == .chaos, query.type == .txt else { return .pass }
        for entry in known
        where entry.name.count == query.nameSize && query.nameEquals(entry.name.span, at: 0) {
            return .reply(entry.answer.write(to: query, packet: packet, into: &output), by: .chaos)
        }
        return .pass
    }
}
