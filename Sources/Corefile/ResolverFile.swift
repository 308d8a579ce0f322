// Files in resolv.conf format, as a `forward` line names them. Of their lines only `nameserver` counts, as in
// CoreDNS; the stub listener of systemd-resolved is replaced by the servers that it asks itself.

import Addresses

enum ResolverFile {
    typealias Found = (target: ForwardConfiguration.Target, origin: ForwardConfiguration.TargetOrigin)

    /// Where systemd-resolved writes the servers that it asks (systemd-resolved.service(8), "/etc/resolv.conf").
    static let resolvedPath = "/run/systemd/resolve/resolv.conf"

    /// Where systemd-resolved itself listens: with and without its own processing.
    private static let stubs: Set<IPAddress> = [IPAddress(v4: 0x7f00_0035), IPAddress(v4: 0x7f00_0036)]

    /// Every `nameserver` line, port 53; never none.
    static func targets(in token: Token, _ block: BlockContext) throws(Diagnostic) -> [Found] {
        let text: String
        do throws(SourceError) {
            text = try block.check.read(token.text)
        } catch {
            throw Diagnostic(
                at: token.location,
                "not an IP address or file: \"\(token.text)\"",
                hint: hint(for: token.text, error)
            )
        }
        let servers = nameservers(of: text, token.text) { line, word in
            block.warn(at: token, "\(line): nameserver \"\(word)\" is not an IP address, skipped")
        }
        guard !servers.isEmpty else {
            throw Diagnostic(
                at: token.location,
                "no nameservers found",
                hint: "\(token.text) has no 'nameserver ADDRESS' line"
            )
        }
        return replacingStubs(servers, token, block).map { server in
            (
                .plain(Endpoint(server.address, port: 53)),
                ForwardConfiguration.TargetOrigin(location: token.location, fileLine: server.line)
            )
        }
    }

    /// A server and the line that names it, `/etc/resolv.conf:2`.
    private struct Nameserver {
        let address: IPAddress
        let line: String
    }

    private static func nameservers(
        of text: String,
        _ path: String,
        skipped: (_ line: String, _ word: Substring) -> Void
    ) -> [Nameserver] {
        var servers: [Nameserver] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split { $0.isWhitespace }
            guard words.count >= 2, words[0] == "nameserver" else { continue }
            let place = "\(path):\(index + 1)"
            if let address = IPAddress(words[1].prefix { $0 != "%" }) {
                servers.append(Nameserver(address: address, line: place))
            } else {
                skipped(place, words[1])
            }
        }
        return servers
    }

    /// A second cache in between would only add its own time-outs, and where the node's resolver is this agent
    /// it would lead back to us.
    private static func replacingStubs(
        _ servers: [Nameserver],
        _ token: Token,
        _ block: BlockContext
    ) -> [Nameserver] {
        guard let stub = servers.first(where: { stubs.contains($0.address) }) else { return servers }
        let text = (try? block.check.read(resolvedPath)) ?? ""
        let real = nameservers(of: text, resolvedPath) { _, _ in }.filter { !stubs.contains($0.address) }
        guard !real.isEmpty else {
            block.warn(
                at: token,
                "\(stub.line): nameserver \(stub.address) is systemd-resolved's stub, "
                    + "and \(resolvedPath) names no other server",
                hint: "let the agent see that file, or forward to the real servers"
            )
            return servers
        }
        var result: [Nameserver] = []
        for server in servers.flatMap({ stubs.contains($0.address) ? real : [$0] })
        where !result.contains(where: { $0.address == server.address }) {
            result.append(server)
        }
        return result
    }

    private static func hint(for text: String, _ error: SourceError) -> String {
        switch error {
        case .isDirectory: return "it is a directory"
        case .unreadable(let reason): return reason
        case .notFound: break
        }
        if text.hasPrefix("__PILLAR__") || text == "<nil>" {
            return "a placeholder was not replaced: check this file as a template"
        }
        if text.contains("/") { return "there is no such file" }
        return "write IP, IP:PORT, [IPv6]:PORT or the path of a resolv.conf"
    }
}
