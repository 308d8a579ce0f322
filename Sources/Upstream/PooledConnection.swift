// A TCP connection to a server and its state machine: turns what the link says into events, and the
// answers of the state machine into calls of the group.

import DNSWire
import Resolution
import Timing

/// A pipelined connection of a server's pool.
final class PooledConnection: LinkReceiver {
    var state: ConnectionState<Attempt.Asker>
    let server: UpstreamServer
    private let group: ForwardGroup
    private var link: (any Link)?

    /// Starts to open a connection that lives for `age` at most.
    init(to server: UpstreamServer, in group: ForwardGroup, age: Interval) {
        self.server = server
        self.group = group
        state = ConnectionState(group.settings, age: age, at: group.network.now)
        link = group.network.open(
            server.stream,
            to: server.endpoint,
            within: group.settings.limits.connect,
            for: self
        )
    }

    /// Sends a question and returns its id; nil when the connection takes none.
    func send(_ asker: Attempt.Asker, at now: Instant) -> UInt16? {
        let query = asker.query
        guard let id = state.send(query, for: asker, random: group.network.randomID(), at: now) else {
            return nil
        }
        link?.send(query.message, id: id)
        return id
    }

    /// Ends the connection; its questions fail as if the other side had ended it.
    func close(because failure: LinkFailure) {
        link?.close()
        end(failure)
    }

    private func end(_ failure: LinkFailure) {
        guard !state.isClosed else { return }
        let lost = state.closed()
        let text = UpstreamFailure.link(failure, .tcp, from: link?.local, to: server.endpoint)
        link = nil
        server.remove(self)
        switch failure.operation {
        case .dial: server.counters.count(.failedConnection)
        case .handshake: server.counters.count(.failedHandshake)
        case .read, .write: break
        }
        for asked in lost {
            group.attemptEnded(asked.asker, end(of: asked, failure), text)
        }
        group.useRoom(at: group.network.now)
    }

    /// What the end means for a question: a reused connection may have been closed by the other side before it saw
    /// the question.
    private func end(of question: ConnectionState<Attempt.Asker>.Lost, _ failure: LinkFailure) -> AttemptEnd {
        switch failure.operation {
        case _ where failure.reason == .timedOut: .silence
        case .read where question.wasReuse, .write where question.wasReuse: .reusedLinkLost
        default: .failure(isNobodyThere: failure.meansNobodyIsThere)
        }
    }

    /// How a question that this connection leaves unanswered is explained.
    func silence() -> UpstreamFailure {
        let operation: LinkFailure.Operation =
            if link?.local == nil { .dial } else if state.isConnecting { .handshake } else { .read }
        return .link(LinkFailure(operation, .timedOut), .tcp, from: link?.local, to: server.endpoint)
    }

    // MARK: LinkReceiver

    func linkOpened() { state.opened(at: group.network.now) }

    func linkReceived(_ message: Span<UInt8>) {
        switch state.received(message, at: group.network.now) {
        case .unwanted:
            group.counters.count(.unwantedReplies)
        case .late(let latency):
            group.answered(server)
            server.latency.add(latency)
        case .reply(let asker, let verdict, let latency):
            group.received(message, verdict, after: latency, for: asker)
            // Who sends rubbish on a stream may have lost count of its octets.
            if !verdict.isSound { state.drain() }
        }
        if state.isDone || server.hasTooManyIdle(with: self) {
            close(because: LinkFailure(.read, .endOfFile))
        }
        group.useRoom(at: group.network.now)
    }

    func linkFailed(_ failure: LinkFailure) { end(failure) }
}
