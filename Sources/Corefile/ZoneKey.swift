// The keys of a server block: `[scheme://]zone[:port]`, and networks as shorthand for reverse zones.

package import DNSWire

/// One zone on one port, as a server block serves it.
package struct ZoneKey: Hashable, Sendable {
    /// How clients reach us; DNS, plain or over TLS, can be served, the others are refused by the check.
    package enum Scheme: String, Sendable, CaseIterable {
        case dns
        case tls
        case https
        case grpc
        case quic
        case https3
    }

    package let name: DomainName
    package let port: UInt16
    package let scheme: Scheme

    package init(_ name: DomainName, port: UInt16 = 53, scheme: Scheme = .dns) {
        self.name = name
        self.port = port
        self.scheme = scheme
    }
}

extension ZoneKey: CustomStringConvertible {
    /// `dns://example.org.:53`, as CoreDNS prints it.
    package var description: String { "\(scheme.rawValue)://\(name):\(port)" }
}
