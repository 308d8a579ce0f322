// `errors`: log what failed behind it, optionally counting equal lines instead of repeating them
// (node-cache reference 3.6).

/// What the `errors` line of a block says.
package struct ErrorsConfiguration: PluginConfiguration {
    package enum Level: String, Sendable, CaseIterable {
        case warning
        case error
        case info
        case debug
    }

    /// `consolidate DURATION REGEXP [LEVEL]`; the first rule whose pattern matches swallows the line.
    package struct Consolidation: Hashable, Sendable {
        package var duration: GoDuration
        /// RE2 syntax, only checked for balance so far.
        package var pattern: String
        package var level: Level
    }

    package var stacktrace: Bool
    package var consolidations: [Consolidation]
}

extension ServerBlockConfiguration {
    package var errors: ErrorsConfiguration? { plugin() }
}
