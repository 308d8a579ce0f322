// Follows the upstream Service: Kubernetes tells its address when the pod is made and never again, and it may be
// younger than the pod, made anew, or have an address of the other family as well. Its name is asked for every few
// seconds: of the Service itself, and when it is silent of the kube-dns Service, past our own interception.

import Addresses
import Corefile
import DNSWire
import Kernel
import NodeNetwork
import Synchronization
import Timing

/// Asks on a thread of its own, as long as the process lives.
final class UpstreamLookup: Sendable {
    /// With two questions at a dead address and two elsewhere a change is known within five seconds.
    private static let pause = Interval.seconds(2)
    private static let patience: CInt = 500

    private struct State {
        var names: [DomainName] = []
        var service: UpstreamService
    }

    private let state: Mutex<State>
    private let alarm: TimerDescriptor

    /// Begins to follow; `service` is what the environment says. The descriptor becomes readable at each change.
    init(
        _ service: UpstreamService,
        clusterServers: [Endpoint],
        ownAddresses: Set<IPAddress>
    ) throws(SystemError) {
        state = Mutex(State(service: service))
        alarm = try TimerDescriptor()
        _ = try Thread(name: "upstream-lookup") { [self] in
            while true {
                look(clusterServers, ownAddresses)
                Thread.pause(Self.pause)
            }
        }
    }

    /// Readable when the Service has moved, until it is silenced.
    var descriptor: CInt { alarm.descriptor }

    func silence() { alarm.set(nil) }

    /// What is known now.
    var service: UpstreamService { state.withLock { $0.service } }

    /// Asks for these names from now on.
    func follow(_ names: [DomainName]) { state.withLock { $0.names = names } }

    private func look(_ clusterServers: [Endpoint], _ ownAddresses: Set<IPAddress>) {
        let (names, service) = state.withLock { ($0.names, $0.service) }
        let next = service.next(names: names, clusterServers: clusterServers, ownAddresses: ownAddresses) {
            Self.ask($0, $1, of: $2, mark: clusterServers.contains($2) ? NetworkPlan.clusterMark : nil)
        }
        guard let next else { return }
        state.withLock { $0.service = next }
        alarm.set(MonotonicClock.now())
    }

    /// One question over UDP.
    private static func ask(
        _ name: DomainName,
        _ family: IPAddress.Family,
        of server: Endpoint,
        mark: UInt32?
    ) -> UpstreamService.Reply {
        let type: RecordType = family == .v4 ? .a : .aaaa
        let id = UInt16.random(in: .min ... .max)
        var reply = UpstreamService.Reply.silence
        do throws(SystemError) {
            let socket = try ProbeSocket.connect(isStream: false, to: server, mark: mark)
            guard ProbeSocket.send(QueryMessage.question(name, type, id: id), socket) else { return .silence }
            let poller = try Poller()
            try poller.add(socket.raw, token: 0)
            poller.wait(milliseconds: patience) { _ in
                reply = ProbeSocket.receive(socket).map { Self.reading($0, id: id, name, type) } ?? .silence
            }
        } catch {
            return .silence
        }
        return reply
    }

    /// What a message says as an answer to our question.
    static func reading(
        _ message: [UInt8],
        id: UInt16,
        _ name: DomainName,
        _ type: RecordType
    ) -> UpstreamService.Reply {
        guard message.count > Limits.headerSize, message.span.uint16(at: 0) == id,
            let answer = try? AnswerMessage(message),
            answer.wire.dropFirst(Limits.headerSize).starts(with: name.wire)
        else { return .silence }
        guard answer.responseCode == .noError else {
            return answer.responseCode == .nameError ? .nothing : .silence
        }
        let wire = answer.wire.span
        var cursor = RecordCursor(at: Limits.headerSize + name.wire.count + 4)
        var addresses: [IPAddress] = []
        for _ in 0..<answer.summary.answers {
            guard let record = cursor.next(in: wire) else { return .silence }
            if record.type == type, let address = IPAddress(bytes: Array(answer.wire[record.data])) {
                addresses.append(address)
            }
        }
        return addresses.isEmpty ? .nothing : .addresses(addresses)
    }
}

extension AgentConfiguration {
    /// Zones whose questions go to the upstream Service, whether or not its address is known.
    func zones(askedAt upstream: IPAddress?) -> [DomainName] {
        blocks.filter { block in
            block.forwards.contains { forward in
                (forward.targets + forward.resolvers).contains { target in
                    switch target {
                    case .unresolvedClusterDNS: true
                    case .discovered: false
                    case .plain(let endpoint), .tls(let endpoint, _): endpoint.address == upstream
                    }
                }
            }
        }
        .flatMap { $0.zones.map(\.name) }
        .filter { zone in !Self.reverseZones.contains { zone.isWithin($0) } }
    }

    /// Zones whose questions go to the upstream Service while nobody knows its address.
    var zonesWithoutUpstream: [DomainName] { zones(askedAt: nil) }

    private static let reverseZones = ["in-addr.arpa", "ip6.arpa"].compactMap { DomainName($0) }
}

extension SupervisorOptions {
    /// Where cluster DNS is without the upstream Service: addresses of ours that are a Service's as well, and what
    /// the environment says of kube-dns.
    func clusterServers(_ environment: (String) -> String?) -> [Endpoint] {
        var addresses = localAddresses.filter { !$0.isLocalToNode }
        if let known = environment("KUBE_DNS_SERVICE_HOST").flatMap({ IPAddress($0) }),
            !addresses.contains(known)
        {
            addresses.append(known)
        }
        return addresses.map { Endpoint($0, port: 53) }
    }
}
