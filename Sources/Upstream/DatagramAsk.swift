// One question over UDP: a socket of its own, so that the kernel gives it a random port, connected, so that
// it hears nobody but the server (RFC 5452, 9.2). What does not fit the question is ignored and counted.

import DNSWire
import Resolution
import Timing

/// A question that went out as a datagram.
final class DatagramAsk: LinkReceiver {
    private let asker: Attempt.Asker
    private let server: UpstreamServer
    private let group: ForwardGroup
    private let id: UInt16
    private let query: UpstreamQuery
    private let sent: Instant
    private var link: (any Link)?

    init(_ asker: Attempt.Asker, to server: UpstreamServer, in group: ForwardGroup, at now: Instant) {
        self.asker = asker
        self.server = server
        self.group = group
        id = group.network.randomID()
        query = asker.query
        sent = now
        link = group.network.open(
            .udp,
            to: server.endpoint,
            within: group.settings.limits.connect,
            for: self
        )
        link?.send(query.message, id: id)
        group.openDatagrams += 1
        server.datagrams += 1
    }

    func close() {
        guard let link else { return }
        link.close()
        forgetLink()
    }

    private func forgetLink() {
        link = nil
        group.openDatagrams -= 1
        server.datagrams -= 1
    }

    /// How a question that stays unanswered is explained.
    func silence() -> UpstreamFailure {
        .link(LinkFailure(.read, .timedOut), .udp, from: link?.local, to: server.endpoint)
    }

    // MARK: LinkReceiver

    func linkOpened() {}

    func linkReceived(_ message: Span<UInt8>) {
        guard link != nil else { return }
        guard message.count >= 2, message.uint16(at: 0) == id else {
            group.counters.count(.unwantedReplies)
            return
        }
        let verdict = query.judge(message)
        switch verdict {
        case .anotherQuestion, .malformed:
            group.counters.count(.unwantedReplies)
            group.deceived(.badReply(verdict, from: server.endpoint), asker)
        case .answers, .truncated, .bareError:
            group.received(message, verdict, after: group.network.now - sent, for: asker)
            group.useRoom(at: group.network.now)
        }
    }

    func linkFailed(_ failure: LinkFailure) {
        guard let link else { return }
        let text = UpstreamFailure.link(failure, .udp, from: link.local, to: server.endpoint)
        forgetLink()
        group.attemptEnded(asker, .failure(isNobodyThere: failure.meansNobodyIsThere), text)
        group.useRoom(at: group.network.now)
    }
}
