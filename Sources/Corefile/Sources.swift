// Everything a Corefile's meaning depends on besides its text: files, globs, the environment, the node's
// interfaces. Handed in by the caller, because this module touches no file system, environment or clock.

package import Addresses

/// Why a file could not be read.
package enum SourceError: Error, Hashable, Sendable {
    case notFound
    case isDirectory
    /// The system's words, such as `Permission denied`.
    case unreadable(String)
}

/// What is wrong with a file of `tls`.
package struct TLSFlaw: Hashable, Sendable {
    package enum Part: Sendable {
        case certificate
        case key
        case authorities
    }

    package let part: Part
    /// Reads on after the file's name and a colon.
    package let reason: String

    package init(_ part: Part, _ reason: String) {
        self.part = part
        self.reason = reason
    }
}

/// The outside world, as a check may see it.
package struct Sources: Sendable {
    /// Reads the file at a path as text.
    package typealias ReadFile = @Sendable (_ path: String) throws(SourceError) -> String

    /// Returns the whole file as text.
    package let read: ReadFile
    /// Returns the paths that match a pattern with at most one `*` and one `?`, sorted.
    package let glob: @Sendable (_ pattern: String) -> [String]
    /// Returns the value of an environment variable; nil when it is not set.
    package let environment: @Sendable (_ name: String) -> String?
    /// Returns the addresses of a network interface; nil when there is no such interface.
    package let interfaceAddresses: @Sendable (_ name: String) -> [IPAddress]?
    /// `-localip`: the addresses that pods ask, whatever the Corefile listens on.
    package let localAddresses: [IPAddress]
    /// Returns what whoever speaks TLS does not like about texts; nil when they will do.
    package let flaw: @Sendable (_ tls: ForwardConfiguration.TLS) -> TLSFlaw?

    package init(
        read: @escaping ReadFile,
        glob: @escaping @Sendable (String) -> [String] = { _ in [] },
        environment: @escaping @Sendable (String) -> String? = { _ in nil },
        interfaceAddresses: @escaping @Sendable (String) -> [IPAddress]? = { _ in nil },
        localAddresses: [IPAddress] = [],
        flaw: @escaping @Sendable (ForwardConfiguration.TLS) -> TLSFlaw? = { _ in nil }
    ) {
        self.read = read
        self.glob = glob
        self.environment = environment
        self.interfaceAddresses = interfaceAddresses
        self.localAddresses = localAddresses
        self.flaw = flaw
    }

    /// The same world, in which the file at `path` holds `text`: a Corefile that only exists in memory.
    package func replacing(_ path: String, with text: String) -> Sources {
        let read = self.read
        return Sources(
            read: { (asked) throws(SourceError) in asked == path ? text : try read(asked) },
            glob: glob,
            environment: environment,
            interfaceAddresses: interfaceAddresses,
            localAddresses: localAddresses,
            flaw: flaw
        )
    }
}
