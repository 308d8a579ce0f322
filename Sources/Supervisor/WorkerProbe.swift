// Asks the worker through the real path, as a pod would: a UDP datagram and a TCP connection to every address
// that is served. The answer must carry our token: another agent on the node does not prove ours. During an
// upgrade the kernel deals questions out to the sockets of both agents by their source port, so whoever gets
// another's answer asks again from another port; and a question that had no answer at all is repeated from
// several ports, because the other agent may be the one that hangs.

import Addresses
import Control
import DNSWire
import Glibc
import Kernel
import NodeNetwork

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

    /// What a reply proves.
    package enum Verdict: Hashable, Sendable {
        /// Our id, a response without error, and our token in it.
        case ours
        /// A right answer by somebody else: another agent, or a server that does not know the name.
        case anothers
        /// Not a whole answer to this question.
        case nothing
    }

    package func verdict(on reply: [UInt8]) -> Verdict {
        guard reply.count > Limits.headerSize, UInt16(reply[0]) << 8 | UInt16(reply[1]) == id,
            reply[2] & 0x80 != 0
        else { return .nothing }
        // 128 random bits in a TXT string: finding them is proof enough.
        let proof = [UInt8(truncatingIfNeeded: token.utf8.count)] + Array(token.utf8)
        let isOurs = reply[3] & 0x0f == 0 && reply.indices.contains { reply[$0...].starts(with: proof) }
        return isOurs ? .ours : .anothers
    }
}

/// One round of questions, from sending to the last answer.
final class ProbeRound {
    /// One address over one transport; its questions come from one source port after the other.
    private final class Exchange {
        let transport: Transport
        let endpoint: Endpoint
        var portsLeft = ProbeRound.mostPorts
        /// Why it cannot be answered any more.
        var failure: String?

        init(_ transport: Transport, _ endpoint: Endpoint) {
            self.transport = transport
            self.endpoint = endpoint
        }
    }

    /// One question of one client.
    private final class Question {
        let exchange: Exchange
        let client: ProbeClient
        var hasSent = false
        var received: [UInt8] = []

        init(_ exchange: Exchange, _ client: ProbeClient) {
            self.exchange = exchange
            self.client = client
        }
    }

    /// Half of the ports lead to one of two agents: 32 that do not lead to ours are no chance.
    private static let mostPorts = 32
    /// No more at once, however long the silence: a slow worker must not drown in questions.
    private static let mostPortsAtOnce = 4

    let number: UInt64
    private let question: ProbeQuestion
    private let mark: UInt32?
    private let clients: ProbeClients?
    /// What is not answered yet.
    private var pending: [Exchange] = []
    /// By token of the poller.
    private var open: [UInt64: Question] = [:]

    /// Asks all endpoints: by those of `clients` that are there, and those who answer are left there; otherwise from
    /// one new port more for each of `missed` rounds before. Takes tokens from `nextToken` on. With the mark, the
    /// packets reach us wherever a fall-back is; without, only if traffic is ours.
    init(
        number: UInt64,
        token: String,
        endpoints: [Endpoint],
        transports: [Transport] = Transport.allCases,
        mark: UInt32? = NetworkPlan.probeMark,
        clients: ProbeClients? = nil,
        missed: Int,
        nextToken: inout UInt64,
        poller: borrowing Poller
    ) {
        self.number = number
        self.question = ProbeQuestion(id: UInt16(truncatingIfNeeded: number &* 40_503), token: token)
        self.mark = mark
        self.clients = clients
        for endpoint in endpoints {
            for transport in transports {
                let exchange = Exchange(transport, endpoint)
                pending.append(exchange)
                if let client = clients?.take(transport, endpoint), ask(exchange, client) { continue }
                for _ in 0..<min(missed + 1, Self.mostPortsAtOnce) { ask(exchange, &nextToken, poller) }
            }
        }
    }

    /// Whether everything was answered.
    var isComplete: Bool { pending.isEmpty }

    /// `udp 192.0.2.1:53, tcp 192.0.2.1:53`: who has not answered.
    var missing: String {
        let silent = pending.map { exchange in
            let reason = exchange.failure.map { " (\($0))" } ?? ""
            return "\(exchange.transport.rawValue) \(exchange.endpoint)\(reason)"
        }
        return silent.sorted().joined(separator: ", ")
    }

    /// The families of those who have not answered.
    var missingFamilies: Set<IPAddress.Family> { Set(pending.map(\.endpoint.address.family)) }

    /// Sends or receives on the socket of a token; whether it is one of this round's.
    func proceed(_ token: UInt64, nextToken: inout UInt64, poller: borrowing Poller) -> Bool {
        guard let asked = open[token] else { return false }
        guard asked.hasSent else {
            if !sendOnceConnected(asked, poller) { give(up: asked, "refused") }
            return true
        }
        guard let bytes = ProbeSocket.receive(asked.client.socket) else {
            give(up: asked, "closed")
            // A listener of an agent that leaves: the next port may lead to ours.
            ask(asked.exchange, &nextToken, poller)
            return true
        }
        let isTCP = asked.exchange.transport == .tcp
        asked.received = isTCP ? asked.received + bytes : bytes
        // Of TCP's answer there may be more to come.
        let length = asked.received.prefix(2).reduce(0) { $0 << 8 | Int($1) }
        let octetsToCome = isTCP ? 2 + length - asked.received.count : 0
        switch question.verdict(on: isTCP ? Array(asked.received.dropFirst(2)) : asked.received) {
        case .ours:
            pending.removeAll { $0 === asked.exchange }
            open = open.filter { $0.value.exchange !== asked.exchange }
            if octetsToCome == 0 { clients?.keep(asked.client) }
        case .anothers:
            guard octetsToCome <= 0 else { return true }
            give(up: asked, "another's answer")
            ask(asked.exchange, &nextToken, poller)
        case .nothing: break
        }
        return true
    }

    /// By a client that has asked before; whether that can be done.
    private func ask(_ exchange: Exchange, _ client: ProbeClient) -> Bool {
        let asked = Question(exchange, client)
        guard send(asked) else { return false }
        open[client.token] = asked
        return true
    }

    /// By a new client.
    private func ask(_ exchange: Exchange, _ nextToken: inout UInt64, _ poller: borrowing Poller) {
        guard exchange.portsLeft > 0 else { return }
        exchange.portsLeft -= 1
        do throws(SystemError) {
            let isTCP = exchange.transport == .tcp
            let socket = try ProbeSocket.connect(isStream: isTCP, to: exchange.endpoint, mark: mark)
            let client = ProbeClient(exchange.transport, exchange.endpoint, nextToken, socket)
            nextToken += 1
            let asked = Question(exchange, client)
            try poller.add(client.socket.raw, token: client.token, whenWritable: isTCP)
            if !isTCP, !send(asked) { return exchange.failure = "refused" }
            open[client.token] = asked
        } catch {
            exchange.failure = SystemError.text(of: error.errno)
        }
    }

    private func sendOnceConnected(_ asked: Question, _ poller: borrowing Poller) -> Bool {
        poller.remove(asked.client.socket.raw)
        let isWatched: Void? = try? poller.add(asked.client.socket.raw, token: asked.client.token)
        return isWatched != nil && send(asked)
    }

    private func send(_ asked: Question) -> Bool {
        let message = question.message
        let length = [
            UInt8(truncatingIfNeeded: message.count >> 8), UInt8(truncatingIfNeeded: message.count),
        ]
        let bytes = asked.exchange.transport == .tcp ? length + message : message
        asked.hasSent = ProbeSocket.send(bytes, asked.client.socket)
        return asked.hasSent
    }

    private func give(up asked: Question, _ reason: String) {
        open[asked.client.token] = nil
        asked.exchange.failure = reason
    }
}
