// One check in progress: what was asked of the outside world, and what was found wrong. It lives for one call
// of `CorefileCheck.run` on one thread.

import Addresses

/// The shared state of one check: records every answer of the sources, collects every diagnostic.
package final class Check {
    private let sources: Sources
    /// Every answer so far.
    package private(set) var recorded = RecordedSources()
    /// Every finding so far, in the order of finding.
    package private(set) var diagnostics: [Diagnostic] = []
    /// The port of keys that name none (`-dns.port`).
    package let defaultPort: UInt16

    package init(sources: Sources, defaultPort: UInt16) {
        self.sources = sources
        self.defaultPort = defaultPort
        recorded.localAddresses = sources.localAddresses
    }

    // MARK: Asking, each thing once: a file that changes meanwhile must not be seen in two versions

    package func read(_ path: String) throws(SourceError) -> String {
        switch recorded.files[path] {
        case .text(let text): return text
        case .failure(let error): throw error
        case nil: break
        }
        do throws(SourceError) {
            let text = try sources.read(path)
            recorded.files[path] = .text(text)
            return text
        } catch {
            recorded.files[path] = .failure(error)
            throw error
        }
    }

    func glob(_ pattern: String) -> [String] {
        if let known = recorded.globs[pattern] { return known }
        let paths = sources.glob(pattern).sorted()
        recorded.globs[pattern] = paths
        return paths
    }

    func environment(_ name: String) -> String? {
        if let known = recorded.environment[name] { return known }
        let value = sources.environment(name)
        recorded.environment[name] = .some(value)
        return value
    }

    func interfaceAddresses(_ name: String) -> [IPAddress]? {
        if let known = recorded.interfaces[name] { return known }
        let addresses = sources.interfaceAddresses(name)
        recorded.interfaces[name] = .some(addresses)
        return addresses
    }

    /// `-localip`.
    var localAddresses: [IPAddress] { recorded.localAddresses }

    /// Not recorded: the same texts are judged alike anywhere.
    func flaw(of tls: ForwardConfiguration.TLS) -> TLSFlaw? { sources.flaw(tls) }

    // MARK: Reporting

    func report(_ diagnostic: Diagnostic) { diagnostics.append(diagnostic) }

    func error(at location: SourceLocation, _ message: String, hint: String? = nil) {
        report(Diagnostic(.error, at: location, message, hint: hint))
    }

    func warn(at location: SourceLocation, _ message: String, hint: String? = nil) {
        report(Diagnostic(.warning, at: location, message, hint: hint))
    }
}
