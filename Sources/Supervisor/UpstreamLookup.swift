// Looks for the address of the upstream Service when the environment does not tell it, because the pod is older
// than the Service. Nothing is intercepted meanwhile, so what this node sends to the kube-dns ClusterIP still
// goes to cluster DNS, which knows.

import Addresses
import Corefile
import DNSWire
import Kernel
import Synchronization
import Timing

/// Asks for the Service every few seconds until somebody knows it.
final class UpstreamLookup: Sendable {
    private static let pause = Interval.seconds(2)
    private static let patience: CInt = 500

    private let found = Mutex<IPAddress?>(nil)

    /// The Service's address, once it was found.
    var address: IPAddress? { found.withLock { $0 } }

    /// Begins to ask `servers` for `service` in the zones of `configuration` that lack their upstream.
    init(
        of service: String,
        for configuration: AgentConfiguration,
        asking servers: [Endpoint]
    ) throws(SystemError) {
        let names = configuration.zonesWithoutUpstream.compactMap {
            DomainName("\(service).kube-system.svc.\($0)")
        }
        guard !names.isEmpty, !servers.isEmpty else { return }
        _ = try Thread(name: "upstream-lookup") { [self] in
            while address == nil {
                for server in servers {
                    for name in names where address == nil {
                        let answer = try? Self.ask(name, of: server)
                        if let answer { found.withLock { $0 = answer } }
                    }
                }
                Thread.pause(Self.pause)
            }
        }
    }

    /// One question over UDP; nil when there is no address in the answer, or no answer.
    private static func ask(_ name: DomainName, of server: Endpoint) throws(SystemError) -> IPAddress? {
        let type: RecordType = server.address.family == .v4 ? .a : .aaaa
        let id = UInt16.random(in: .min ... .max)
        let socket = try ProbeSocket.connect(isStream: false, to: server)
        guard ProbeSocket.send(QueryMessage.question(name, type, id: id), socket) else { return nil }
        let poller = try Poller()
        try poller.add(socket.raw, token: 0)
        var answer: IPAddress?
        poller.wait(milliseconds: patience) { _ in
            answer = ProbeSocket.receive(socket).flatMap { address(in: $0, id: id, name, type) }
        }
        return answer
    }

    /// The first address of an answer to our question.
    static func address(in reply: [UInt8], id: UInt16, _ name: DomainName, _ type: RecordType) -> IPAddress? {
        guard reply.count > Limits.headerSize, reply.span.uint16(at: 0) == id,
            let answer = try? AnswerMessage(reply), answer.responseCode == .noError
        else { return nil }
        let wire = answer.wire.span
        let questionEnd = Limits.headerSize + name.wire.count
        guard answer.wire.dropFirst(Limits.headerSize).starts(with: name.wire) else { return nil }
        var cursor = RecordCursor(at: questionEnd + 4)
        for _ in 0..<answer.summary.answers {
            guard let record = cursor.next(in: wire) else { return nil }
            if record.type == type { return IPAddress(bytes: Array(answer.wire[record.data])) }
        }
        return nil
    }
}

extension AgentConfiguration {
    /// Zones whose questions go to the upstream Service while nobody knows its address.
    var zonesWithoutUpstream: [DomainName] {
        blocks.filter { block in block.forwards.contains { $0.targets.contains(.unresolvedClusterDNS) } }
            .flatMap { $0.zones.map(\.name) }
            .filter { zone in !Self.reverseZones.contains { zone.isWithin($0) } }
    }

    private static let reverseZones = ["in-addr.arpa", "ip6.arpa"].compactMap { DomainName($0) }
}

extension SupervisorOptions {
    /// Addresses of ours that are a Service's as well: asked while we do not intercept, they lead to cluster DNS.
    var clusterServers: [Endpoint] {
        localAddresses.filter { !$0.isLocalToNode }.map { Endpoint($0, port: dnsPort) }
    }
}
