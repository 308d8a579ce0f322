// The probe's clients that ask more than once. A new one costs the worker a connection to take and to end, at every
// address and four times a second, on a node that may have nothing else to do.

import Addresses
import Control
import Kernel

/// One source port, or one connection, to one address.
final class ProbeClient {
    let transport: Transport
    let endpoint: Endpoint
    /// The poller's name for the socket.
    let token: UInt64
    let socket: OwnedDescriptor

    init(_ transport: Transport, _ endpoint: Endpoint, _ token: UInt64, _ socket: consuming OwnedDescriptor) {
        self.transport = transport
        self.endpoint = endpoint
        self.token = token
        self.socket = socket
    }
}

/// The clients whose last question had our answer. A worker that is stuck leaves their next one unanswered, as it
/// leaves a new client's; whether new clients reach us is asked by new ones, once a second.
final class ProbeClients {
    /// So many rounds of 250 ms, then all are new.
    private static let roundsOfLife: UInt64 = 4
    private var kept: [ProbeClient] = []

    /// Lets go of those that may not ask in a round. Who has missed an answer learns more from new ones.
    func prepare(for round: UInt64, missed: Int) {
        if missed > 0 || round % Self.roundsOfLife == 0 { removeAll() }
    }

    func take(_ transport: Transport, _ endpoint: Endpoint) -> ProbeClient? {
        kept.firstIndex { $0.transport == transport && $0.endpoint == endpoint }.map { kept.remove(at: $0) }
    }

    func keep(_ client: ProbeClient) { kept.append(client) }

    /// Something has come that was not asked for: the end of a connection, or a second answer.
    func remove(_ token: UInt64) { kept.removeAll { $0.token == token } }

    func removeAll() { kept = [] }
}
