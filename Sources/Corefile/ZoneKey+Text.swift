// Reading a key of a server block, and networks as reverse zones (node-cache reference 2.4).

package import Addresses
package import DNSWire

extension ZoneKey {
    private static let defaultPorts: [Scheme: UInt16] = [
        .tls: 853, .quic: 853, .grpc: 443, .https: 443, .https3: 443,
    ]

    /// Reads `[scheme://]zone[:port]`; a network may become several zones.
    package static func read(_ token: Token, defaultPort: UInt16) throws(Diagnostic) -> [ZoneKey] {
        var rest = token.text.lowercased()[...]
        var scheme = Scheme.dns
        for candidate in Scheme.allCases where rest.hasPrefix(candidate.rawValue + "://") {
            scheme = candidate
            rest = rest.dropFirst(candidate.rawValue.count + 3)
            break
        }
        let port: UInt16
        if let written = try takePort(from: &rest, of: token) {
            port = written
        } else {
            port = defaultPorts[scheme] ?? defaultPort
        }
        if let subnet = Subnet(rest) {
            return ReverseZones.covering(subnet).map { ZoneKey($0, port: port, scheme: scheme) }
        }
        guard !rest.contains(":"), let name = DomainName(rest) else {
            throw Diagnostic(
                at: token.location,
                "zone is not a valid domain name: \(rest.isEmpty ? "\"\"" : rest)",
                hint: rest.isEmpty ? "write '.' for all names, such as '.:\(port)'" : nil
            )
        }
        return [ZoneKey(name, port: port, scheme: scheme)]
    }

    /// Cuts `:port` off, if what follows the last colon is a number.
    private static func takePort(
        from rest: inout Substring,
        of token: Token
    ) throws(Diagnostic) -> UInt16? {
        guard let colon = rest.lastIndex(of: ":") else { return nil }
        let digits = rest[rest.index(after: colon)...]
        guard !digits.isEmpty else {
            throw Diagnostic(
                at: token.location,
                "expecting data after last colon: \"\(token.text)\"",
                hint: "write a port or remove the colon"
            )
        }
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        guard let port = UInt16(digits), port > 0 else {
            throw Diagnostic(
                at: token.location,
                "address \(digits): invalid port",
                hint: "ports are numbers from 1 to 65535"
            )
        }
        rest = rest[..<colon]
        return port
    }
}

/// Names under in-addr.arpa (RFC 1035, 3.5) and ip6.arpa (RFC 3596, 2.5).
package enum ReverseZones {
    /// All zones that together cover a network: one, or several when its prefix cuts through a label.
    package static func covering(_ subnet: Subnet) -> [DomainName] {
        let bitsPerLabel = subnet.address.family == .v4 ? 8 : 4
        let labelCount = (subnet.prefixLength + bitsPerLabel - 1) / bitsPerLabel
        let labels = Self.labels(of: subnet.address)[..<labelCount]
        let freeBits = labelCount * bitsPerLabel - subnet.prefixLength
        let suffix: [UInt8] =
            subnet.address.family == .v4
            ? [7] + Array("in-addr".utf8) + [4] + Array("arpa".utf8) + [0]
            : [3] + Array("ip6".utf8) + [4] + Array("arpa".utf8) + [0]
        return (0..<(1 << freeBits)).compactMap { offset in
            var wire: [UInt8] = []
            for (index, value) in labels.enumerated().reversed() {
                let value = index == labelCount - 1 ? value + UInt8(offset) : value
                let text = Array(String(value, radix: bitsPerLabel == 8 ? 10 : 16).utf8)
                wire += [UInt8(text.count)] + text
            }
            return DomainName(wire: wire + suffix)
        }
    }

    /// Octets of an IPv4 address, half octets of an IPv6 address.
    private static func labels(of address: IPAddress) -> [UInt8] {
        address.family == .v4 ? address.bytes : address.bytes.flatMap { [$0 >> 4, $0 & 0xf] }
    }
}
