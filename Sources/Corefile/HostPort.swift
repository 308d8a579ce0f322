// `HOST:PORT` of plugins that open a listener for HTTP.

package import Addresses

/// An optional address and a port.
package struct HostPort {
    /// Nil is every address of both families.
    package let address: IPAddress?
    package let port: UInt16

    /// Reads `:8080`, `192.0.2.1:8080`, `[2001:db8::1]:8080` and `localhost:8080`.
    package static func read(_ token: Token) throws(Diagnostic) -> HostPort {
        let text = token.text
        if let endpoint = Endpoint(text), endpoint.port > 0 {
            return HostPort(address: endpoint.address, port: endpoint.port)
        }
        guard let colon = text.lastIndex(of: ":") else {
            throw Diagnostic(
                at: token.location,
                "address \(text): missing port in address",
                hint: Int(text) != nil ? "write ':\(text)'" : "write '\(text):PORT'"
            )
        }
        if IPAddress(text) != nil {
            throw Diagnostic(
                at: token.location,
                "address \(text): too many colons in address",
                hint: "write '[\(text[..<colon])]\(text[colon...])'"
            )
        }
        let host = text[..<colon]
        guard let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            throw Diagnostic(
                at: token.location,
                "address \(text): invalid port",
                hint: "ports are numbers from 1 to 65535"
            )
        }
        switch host {
        case "": return HostPort(address: nil, port: port)
        case "localhost": return HostPort(address: IPAddress(v4: 0x7f00_0001), port: port)
        default:
            throw Diagnostic(
                at: token.location,
                "cannot listen on \"\(host)\": not an IP address",
                hint: text.hasPrefix("__PILLAR__")
                    ? "a placeholder was not replaced: check this file as a template"
                    : "write an address of this node, or ':\(port)' for all"
            )
        }
    }
}
