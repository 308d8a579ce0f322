// The `kube-dns` ConfigMap: stub domains and upstream servers that a cluster's administrator sets apart
// from the Corefile (node-cache reference 1.5). One file per key, as kubelet mounts it; reading them is the
// caller's.

package import Addresses
package import DNSWire
import FoundationEssentials

/// What the ConfigMap says, checked.
package struct KubeDNSConfigMap: Hashable, Sendable {
    /// A domain whose names are asked elsewhere.
    package struct StubDomain: Hashable, Sendable {
        /// Names at or below it.
        package let domain: DomainName
        /// Never empty; each is something `forward` takes.
        package let servers: [String]
    }

    /// The names of the files, which are the keys of the ConfigMap.
    package enum Key {
        package static let stubDomains = "stubDomains"
        package static let upstreamServers = "upstreamNameservers"
        package static let federations = "federations"
    }

    /// Sorted by name.
    package let stubDomains: [StubDomain]
    /// At most three, each `IP` or `IP:port`; empty means the node's own resolv.conf.
    package let upstreamServers: [String]

    package init(stubDomains: [StubDomain] = [], upstreamServers: [String] = []) {
        self.stubDomains = stubDomains
        self.upstreamServers = upstreamServers
    }
}

// MARK: - Reading

extension KubeDNSConfigMap {
    /// Reads the files of the mounted directory: file name to content.
    ///
    /// The value is nil when the whole update must be refused (no JSON, a name or address that is none); an
    /// entry that merely cannot be served (no servers, a host name as server, one of `ownServers`) is left out,
    /// with an error that says so. Unknown files are ignored, blank ones count as absent.
    package static func read(
        _ files: [String: String],
        directory: String,
        ownServers: [Endpoint] = []
    ) -> (configMap: KubeDNSConfigMap?, diagnostics: [Diagnostic]) {
        var reading = ConfigMapReading(directory: directory, ownServers: Set(ownServers))
        let content = { (key: String) -> String? in
            files[key].flatMap { $0.allSatisfy(\.isWhitespace) ? nil : $0 }
        }
        let stubDomains = content(Key.stubDomains).map { reading.readStubDomains($0) } ?? []
        let upstreamServers = content(Key.upstreamServers).map { reading.readUpstreamServers($0) } ?? []
        if let text = content(Key.federations) { reading.checkFederations(text) }
        let configMap = KubeDNSConfigMap(stubDomains: stubDomains, upstreamServers: upstreamServers)
        return (reading.isRefused ? nil : configMap, reading.diagnostics)
    }
}

/// One reading of the directory.
private struct ConfigMapReading {
    let directory: String
    /// Where we listen: asked there, a question would come back to us.
    let ownServers: Set<Endpoint>
    var diagnostics: [Diagnostic] = []
    var isRefused = false

    private mutating func refuse(_ key: String, _ message: String, hint: String? = nil) {
        isRefused = true
        report(key, message, hint: hint)
    }

    private mutating func report(
        _ key: String,
        _ message: String,
        hint: String? = nil,
        _ severity: Diagnostic.Severity = .error
    ) {
        let location = SourceLocation(file: "\(directory)/\(key)", line: 1, column: 1)
        diagnostics.append(Diagnostic(severity, at: location, message, hint: hint))
    }

    private mutating func decode<Value: Decodable>(
        _ type: Value.Type,
        _ text: String,
        key: String,
        form: String
    ) -> Value? {
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch let error as DecodingError {
            refuse(key, "Invalid configuration for \(key): " + Self.text(of: error), hint: "write: " + form)
        } catch {
            refuse(key, "Invalid configuration for \(key): not JSON", hint: "write: " + form)
        }
        return nil
    }

    private static func text(of error: DecodingError) -> String {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
            .dataCorrupted(let context):
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            return path.isEmpty ? context.debugDescription : "at '\(path)': " + context.debugDescription
        @unknown default: return "not JSON"
        }
    }

    // MARK: Stub domains

    mutating func readStubDomains(_ text: String) -> [KubeDNSConfigMap.StubDomain] {
        let key = KubeDNSConfigMap.Key.stubDomains
        let form = #"{"example.org": ["192.0.2.1"]}"#
        guard let entries = decode([String: [String]].self, text, key: key, form: form) else { return [] }
        var result: [DomainName: KubeDNSConfigMap.StubDomain] = [:]
        for (domain, servers) in entries.sorted(by: { $0.key < $1.key }) {
            guard ClusterNames.isSubdomain(domain.lowercased()), let name = DomainName(domain) else {
                refuse(key, "invalid domain name: \"\(domain)\"", hint: "write a name such as example.org")
                continue
            }
            let bad = servers.filter { !ClusterNames.isServer($0) }
            for server in bad {
                refuse(key, "invalid nameserver: \"\(server)\"", hint: "write IP, IP:PORT or [IPv6]:PORT")
            }
            guard bad.isEmpty, let usable = usableServers(withoutOwn(servers, key), of: domain) else {
                continue
            }
            if result[name] != nil {
                report(key, "stub domain \(domain) is left out: it stands there twice")
                continue
            }
            if domain != domain.lowercased() {
                report(key, "stub domain \(domain) is taken as \(domain.lowercased())", .warning)
            }
            result[name] = KubeDNSConfigMap.StubDomain(domain: name, servers: usable)
        }
        return result.values.sorted { $0.domain.description < $1.domain.description }
    }

    private mutating func withoutOwn(_ servers: [String], _ key: String) -> [String] {
        servers.filter { server in
            guard case .plain(let endpoint) = ForwardConfiguration.target(server),
                ownServers.contains(endpoint)
            else { return true }
            report(key, "nameserver \(server) is left out: it is our own address", hint: "name the real one")
            return false
        }
    }

    /// Nil for an entry that must be left out; the rest of the ConfigMap stays useful.
    private mutating func usableServers(_ servers: [String], of domain: String) -> [String]? {
        let key = KubeDNSConfigMap.Key.stubDomains
        if servers.isEmpty {
            report(key, "stub domain \(domain) is left out: it has no servers", hint: "add at least one")
            return nil
        }
        if let bad = servers.first(where: { ForwardConfiguration.target($0) == nil }) {
            report(
                key,
                "stub domain \(domain) is left out: "
                    + "invalid nameservers [\(servers.joined(separator: " "))] "
                    + "for the stub domain \(domain): "
                    + "not an IP address or file: \"\(bad)\"",
                hint: "write its address"
            )
            return nil
        }
        guard servers.count <= Forward.targetCount.allowed.upperBound else {
            report(key, "stub domain \(domain) is left out: more than 15 TOs configured: \(servers.count)")
            return nil
        }
        return servers
    }

    // MARK: Upstream servers

    mutating func readUpstreamServers(_ text: String) -> [String] {
        let key = KubeDNSConfigMap.Key.upstreamServers
        guard let servers = decode([String].self, text, key: key, form: #"["192.0.2.1"]"#) else { return [] }
        if servers.count > 3 {
            refuse(key, "upstreamNameserver cannot have more than three entries", hint: "remove some")
        }
        for server in servers {
            if let problem = ClusterNames.problem(ofUpstream: server) {
                refuse(key, problem, hint: "write IP, IP:PORT or [IPv6]:PORT")
            }
        }
        return withoutOwn(servers, key)
    }

    // MARK: Federations

    /// Nothing uses them any more; node-cache refuses what is malformed, and so do we.
    mutating func checkFederations(_ text: String) {
        let key = KubeDNSConfigMap.Key.federations
        for pair in text.split(separator: ",") {
            let parts = pair.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                refuse(key, "invalid format of federation: \"\(pair)\"", hint: "write name=domain")
                continue
            }
            let (name, domain) = (parts[0].filter { !$0.isWhitespace }, parts[1].filter { !$0.isWhitespace })
            if !ClusterNames.isSubdomain(name) || name.contains(".") {
                refuse(key, "invalid federation name: \"\(name)\"", hint: "write a single label")
            }
            if !ClusterNames.isSubdomain(domain) {
                refuse(key, "invalid domain name: \"\(domain)\"", hint: "write a name such as example.org")
            }
        }
    }
}
