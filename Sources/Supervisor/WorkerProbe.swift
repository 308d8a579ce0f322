// Asks the worker through the real path, as a pod would: a UDP datagram and a TCP connection to every address
// that is served. The answer must carry our token: another agent on the node does not prove ours.

import Addresses
import Control
import DNSWire
import Glibc
import Kernel

/// The question and what counts as its answer.
package struct ProbeQuestion: Hashable, Sendable {
    package let id: UInt16
    package let token: String

    package init(id: UInt16, token: String) {
        self.id = id
        self.token = token
    }

    /// The query without TCP's length octets.
    package var message: [UInt8] {
        guard let name = DomainName(Control.probeName) else { return [] }
        return QueryMessage.question(name, .txt, class: .chaos, id: id, recursionDesired: false)
    }

    /// Whether these bytes are the answer: our id, a response without error, and the token in it.
    package func isAnswered(by reply: [UInt8]) -> Bool {
        guard reply.count > Limits.headerSize, UInt16(reply[0]) << 8 | UInt16(reply[1]) == id else {
            return false
        }
        guard reply[2] & 0x80 != 0, reply[3] & 0x0f == 0 else { return false }
        // 128 random bits in a TXT string: finding them is proof enough.
        let proof = [UInt8(truncatingIfNeeded: token.utf8.count)] + Array(token.utf8)
        return reply.indices.contains { reply[$0...].starts(with: proof) }
    }
}

/// One round of questions, from sending to the last answer.
final class ProbeRound {
    /// One address over one transport.
    private final class Exchange {
        let transport: Transport
        let endpoint: Endpoint
        let socket: OwnedDescriptor
        var hasSent = false
        var received: [UInt8] = []

        init(_ transport: Transport, _ endpoint: Endpoint, _ socket: consuming OwnedDescriptor) {
            self.transport = transport
            self.endpoint = endpoint
            self.socket = socket
        }
    }

    let number: UInt64
    private let question: ProbeQuestion
    /// By token of the poller; an exchange that is answered leaves.
    private var pending: [UInt64: Exchange] = [:]
    /// Could not even be asked; stays unanswered.
    private var failed: [String] = []

    /// Asks all endpoints; tokens from `firstToken` on are the round's.
    init(
        number: UInt64,
        token: String,
        endpoints: [Endpoint],
        firstToken: UInt64,
        poller: borrowing Poller
    ) {
        self.number = number
        self.question = ProbeQuestion(id: UInt16(truncatingIfNeeded: number &* 40_503), token: token)
        var next = firstToken
        for endpoint in endpoints {
            for transport in Transport.allCases {
                do throws(SystemError) {
                    let socket = try ProbeSocket.connect(isStream: transport == .tcp, to: endpoint)
                    try poller.add(socket.raw, token: next, whenWritable: true)
                    pending[next] = Exchange(transport, endpoint, socket)
                    next += 1
                } catch {
                    failed.append("\(transport.rawValue) \(endpoint) (\(SystemError.text(of: error.errno)))")
                }
            }
        }
    }

    /// Whether everything was answered.
    var isComplete: Bool { pending.isEmpty && failed.isEmpty }

    /// `udp 192.0.2.1:53, tcp 192.0.2.1:53`: who has not answered.
    var missing: String {
        let silent = pending.values.map { "\($0.transport.rawValue) \($0.endpoint)" }
        return (silent + failed).sorted().joined(separator: ", ")
    }

    /// Sends or receives on the socket of a token.
    func proceed(_ token: UInt64, poller: borrowing Poller) {
        guard let exchange = pending[token] else { return }
        let isTCP = exchange.transport == .tcp
        if !exchange.hasSent {
            let message = question.message
            let length = [
                UInt8(truncatingIfNeeded: message.count >> 8), UInt8(truncatingIfNeeded: message.count),
            ]
            let bytes = isTCP ? length + message : message
            poller.remove(exchange.socket.raw)
            guard ProbeSocket.send(bytes, exchange.socket) else { return fail(token, "refused") }
            exchange.hasSent = true
            let isWatched: Void? = try? poller.add(exchange.socket.raw, token: token)
            if isWatched == nil { fail(token, "not watched") }
            return
        }
        guard let bytes = ProbeSocket.receive(exchange.socket) else { return fail(token, "closed") }
        exchange.received = isTCP ? exchange.received + bytes : bytes
        let reply = isTCP ? Array(exchange.received.dropFirst(2)) : exchange.received
        if question.isAnswered(by: reply) { pending[token] = nil }
    }

    private func fail(_ token: UInt64, _ reason: String) {
        guard let exchange = pending.removeValue(forKey: token) else { return }
        failed.append("\(exchange.transport.rawValue) \(exchange.endpoint) (\(reason))")
    }
}
