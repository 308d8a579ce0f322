// What one check saw of the outside world, as a value. The supervisor checks a configuration, sends the
// record to the worker, and the worker reaches the same result without a file system of its own.

package import Addresses

/// Every file, glob, variable and interface that a check asked for, with the answer it got.
package struct RecordedSources: Hashable, Sendable {
    /// What reading a file gave.
    package enum File: Hashable, Sendable {
        case text(String)
        case failure(SourceError)
    }

    /// By path.
    package var files: [String: File] = [:]
    /// By pattern.
    package var globs: [String: [String]] = [:]
    /// Only variables that were asked for; nil remembers that one was not set.
    package var environment: [String: String?] = [:]
    /// By name; nil remembers that there was no such interface.
    package var interfaces: [String: [IPAddress]?] = [:]
    /// As they were handed in.
    package var localAddresses: [IPAddress] = []

    package init() {}

    /// Replays the record; what nobody asked for then is absent now.
    package var sources: Sources {
        let record = self
        return Sources(
            read: { (path) throws(SourceError) in
                switch record.files[path] {
                case .text(let text): return text
                case .failure(let error): throw error
                case nil: throw .notFound
                }
            },
            glob: { record.globs[$0] ?? [] },
            environment: { record.environment[$0] ?? nil },
            interfaceAddresses: { record.interfaces[$0] ?? nil },
            localAddresses: localAddresses
        )
    }
}
