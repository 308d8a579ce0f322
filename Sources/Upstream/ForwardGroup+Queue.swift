// Questions that no server has room for. They wait here, in the order of their coming, and not in the queue of a
// server that is behind already: there they would look like silence, and be asked again elsewhere.

import Resolution
import Timing

/// Questions in the order of their coming.
struct QuestionQueue {
    private var questions: [Question] = []
    /// The first one that waits; what lies before it was taken.
    private var head = 0

    var isEmpty: Bool { head == questions.count }
    var count: Int { questions.count - head }

    mutating func append(_ question: Question) { questions.append(question) }

    /// Takes the first question that still waits for an answer.
    mutating func takeFirst() -> Question? {
        while head < questions.count {
            let question = questions[head]
            head += 1
            if head >= 1_024, head * 2 >= questions.count { compact() }
            question.isQueued = false
            if !question.isSettled { return question }
        }
        compact()
        return nil
    }

    private mutating func compact() {
        questions.removeFirst(head)
        head = 0
    }
}

extension ForwardGroup {
    /// Puts a question at the end of the queue unless it is there.
    func enqueue(_ question: Question, at now: Instant) {
        guard !question.isQueued else { return }
        question.isQueued = true
        counters.count(.queued)
        queues[transport(of: question), default: QuestionQueue()].append(question)
        // A pause ends by the clock; all else that makes room is an event.
        if let resumes = servers.compactMap({ $0.health.isPaused(at: now) }).min() {
            useRoomLater(at: resumes)
        }
    }

    /// Something has changed at a server: whoever waits may have his turn.
    func useRoom(at now: Instant) {
        guard !queues.isEmpty, !isUsingRoom else { return }
        isUsingRoom = true
        defer { isUsingRoom = false }
        for transport in Transport.allCases {
            // Each has one turn: whom another server has refused may not want the room there is.
            for _ in 0..<(queues[transport]?.count ?? 0) {
                guard hasRoom(over: transport, at: now), let next = queues[transport]?.takeFirst() else {
                    break
                }
                advance(next, at: now)
            }
            if queues[transport]?.isEmpty == true { queues[transport] = nil }
        }
    }

    /// Whether a question would not wait: because a server has room, or because none is worth waiting for.
    private func hasRoom(over transport: Transport, at now: Instant) -> Bool {
        if servers.allSatisfy({ $0.health.isDown }) { return true }
        return servers.contains { hasRoom(at: $0, over: transport, at: now) }
    }

    /// Whether the server takes a question that would like to go over `transport`.
    func hasRoom(at server: UpstreamServer, over transport: Transport, at now: Instant) -> Bool {
        let transport = server.transport(transport)
        return hasSockets(for: transport) && server.hasRoom(over: transport, at: now)
    }

    /// Whether sockets for questions over UDP are left.
    func hasSockets(for transport: Transport) -> Bool {
        transport == .tcp || openDatagrams < settings.limits.datagrams
    }

    /// How a question starts out.
    func transport(of question: Question) -> Transport {
        settings.transport.transport(ofClient: question.query.clientTransport)
    }
}
