// The sockets that the supervisor has handed over, by what they listen on.

import Addresses
import Control
import Corefile
import Kernel
import Listeners
import Resolution

/// Sockets in hand.
struct SocketStock {
    private struct Key: Hashable {
        let isStream: Bool
        let endpoint: Endpoint
    }

    private var sockets: [Key: [ListeningSocket]] = [:]

    mutating func add(_ more: [ListeningSocket]) {
        for socket in more {
            sockets[Key(isStream: socket.transport == .tcp, endpoint: socket.endpoint), default: []]
                .append(socket)
        }
    }

    /// A UDP socket and what answers on it.
    struct DatagramPlace {
        /// Which of the sockets of an address.
        struct Key: Hashable {
            let endpoint: Endpoint
            let slot: Int
        }

        let key: Key
        let listener: DatagramListener
    }

    /// Who serves what.
    struct Places {
        var datagrams: [DatagramPlace] = []
        var streams: [WorkerLoop.StreamPlace] = []
    }

    /// Deals the sockets of `plan` out to the threads.
    func places(for plan: ServingPlan, threads: Int) throws(WorkerError) -> Places {
        var places = Places()
        for (index, (listener, table)) in zip(plan.listeners.listeners, plan.tables).enumerated() {
            var found = false
            for endpoint in listener.endpoint.sockets {
                let isEncrypted = listener.endpoint.isEncrypted
                let waiting = sockets[Key(isStream: false, endpoint: endpoint)]
                guard let stream = sockets[Key(isStream: true, endpoint: endpoint)]?.first,
                    let datagrams = isEncrypted ? [] : waiting
                else { continue }
                found = true
                let family = endpoint.address.family
                for (slot, socket) in datagrams.prefix(threads).enumerated() {
                    places.datagrams.append(
                        DatagramPlace(
                            key: DatagramPlace.Key(endpoint: endpoint, slot: slot),
                            listener: DatagramListener(
                                socket: socket.descriptor,
                                owed: socket.owed,
                                family: family,
                                table: table
                            )
                        )
                    )
                }
                places.streams.append(
                    WorkerLoop.StreamPlace(
                        socket: stream.descriptor,
                        endpoint: endpoint,
                        table: table,
                        credentials: plan.credentials[index]
                    )
                )
            }
            guard found else { throw .noSocket(listener.endpoint.description) }
        }
        return places
    }

    /// Closes the sockets that `plan` does not listen on.
    mutating func keep(only plan: ServingPlan) {
        let places = plan.listeners.listeners.map(\.endpoint)
        let streams = Set(places.flatMap(\.sockets))
        let datagrams = Set(places.filter { !$0.isEncrypted }.flatMap(\.sockets))
        sockets = sockets.filter { ($0.key.isStream ? streams : datagrams).contains($0.key.endpoint) }
    }
}

extension ListenerPlan.Endpoint {
    /// The socket addresses behind a listener: the wildcard takes one per family (the second where IPv6 is on).
    var sockets: [Addresses.Endpoint] {
        guard let address else {
            return IPAddress.Family.allCases.map { Addresses.Endpoint(.unspecified($0), port: port) }
        }
        return [Addresses.Endpoint(address, port: port)]
    }
}

extension ServerBlockConfiguration {
    /// Where a question of our own reaches this block; the loopback stands for the wildcard.
    var firstListenAddress: Addresses.Endpoint? {
        guard let port = zones.first?.port else { return nil }
        switch listen {
        case .everywhere: return Addresses.Endpoint(IPAddress(v4: 0x7f00_0001), port: port)
        case .addresses(let addresses): return addresses.first.map { Addresses.Endpoint($0, port: port) }
        }
    }
}
