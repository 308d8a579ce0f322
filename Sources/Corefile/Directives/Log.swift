// `log`: one line per query (node-cache reference 3.11).

package import DNSWire

/// All `log` lines of a block.
package struct LogConfiguration: PluginConfiguration {
    package enum Class: String, Sendable, CaseIterable {
        case success
        case denial
        case error
        case all
    }

    /// One name of one line; the first rule that covers a query's name is used.
    package struct Rule: Hashable, Sendable {
        package var name: DomainName
        /// With `{common}` and `{combined}` already replaced.
        package var format: String
        /// Never empty.
        package var classes: Set<Class>
    }

    package var rules: [Rule]

    package static let commonFormat =
        #"{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}"#
    package static let combinedFormat = commonFormat + #" "{>opcode}""#
}

extension ServerBlockConfiguration {
    package var log: LogConfiguration? { plugin() }
}
