// The forms that Kubernetes gives to names and servers in the `kube-dns` ConfigMap.

import Addresses

/// Syntax checks for names and servers of the ConfigMap.
enum ClusterNames {
    /// Whether this is an RFC 1123 subdomain in lower case, at most 253 octets, as Kubernetes means it.
    static func isSubdomain(_ text: some StringProtocol) -> Bool {
        guard (1...253).contains(text.utf8.count) else { return false }
        return text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy {
            label in
            label.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
                && label.first.map(isAlphanumeric) == true && label.last.map(isAlphanumeric) == true
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte)
    }

    /// Whether a stub domain's server has a known form: an address, with or without port, or a name.
    static func isServer(_ text: String) -> Bool {
        IPAddress(text) != nil || Endpoint(text) != nil || isSubdomain(text)
    }

    /// What is wrong with an upstream server, in Go's words; nil when it is an address, maybe with a port.
    static func problem(ofUpstream text: String) -> String? {
        if IPAddress(text) != nil { return nil }
        if let endpoint = Endpoint(text) {
            return endpoint.port > 0 ? nil : "bad port number: \"0\""
        }
        guard let colon = text.lastIndex(of: ":") else { return "address \(text): missing port in address" }
        let host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if host.contains(":"), !isBracketed { return "address \(text): too many colons in address" }
        let address = isBracketed ? host.dropFirst().dropLast() : host
        guard IPAddress(address) != nil else { return "bad IP address: \"\(address)\"" }
        return "bad port number: \"\(text[text.index(after: colon)...])\""
    }
}
