// One active check of a suspected server: a small question over a link of its own. Any reply is a success,
// be it SERVFAIL or unreadable: the server is there.

import DNSWire
import Resolution
import Timing

/// A check that is under way.
final class HealthCheck: LinkReceiver {
    let server: UpstreamServer
    private let group: ForwardGroup
    private let id: UInt16
    private var link: (any Link)?

    init(of server: UpstreamServer, in group: ForwardGroup) {
        self.server = server
        self.group = group
        id = group.network.randomID()
        // CoreDNS' choice: TLS for those who speak it, TCP with `force_tcp`.
        let transport: Transport = group.settings.transport == .tcp ? .tcp : .udp
        link = group.network.open(
            server.carrier(over: transport),
            to: server.endpoint,
            within: group.settings.limits.probe,
            for: self
        )
        link?.send(Self.message(group.settings.healthCheck), id: id)
    }

    var isOver: Bool { link == nil }

    func close() {
        link?.close()
        link = nil
    }

    /// Asks for the name servers of the check's domain, as CoreDNS does.
    private static func message(_ settings: ForwardSettings.HealthCheck) -> [UInt8] {
        let flags: UInt8 = settings.recursionDesired ? 1 : 0
        let header: [UInt8] = [0, 0, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        let type = UInt8(truncatingIfNeeded: RecordType.ns.rawValue)
        let recordClass = UInt8(truncatingIfNeeded: RecordClass.internet.rawValue)
        return header + settings.domain.wire + [0, type, 0, recordClass]
    }

    // MARK: LinkReceiver

    func linkOpened() {}

    func linkReceived(_ message: Span<UInt8>) {
        guard message.count >= 2, message.uint16(at: 0) == id else { return }
        close()
        group.checkSucceeded(self)
    }

    func linkFailed(_ failure: LinkFailure) {
        link = nil
        group.checkFailed(self)
    }
}
