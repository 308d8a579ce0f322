// The signs of life of the dead-man's set: questions from a port that the kernel's rules know to every served
// address, through the worker's own sockets. An answer that leaves makes the kernel count us as alive for a while
// (NodeNetwork's UntrackedTable). Nobody looks at the answers here: it is the kernel that has to see them.

import Addresses
import Control
import Glibc
import Kernel

/// One socket per address, all with one port.
final class Heartbeat {
    private let sockets: [(socket: SharedDescriptor, target: Endpoint)]
    /// The port that the questions come from.
    let port: UInt16

    /// Binds the sockets; the addresses need not be there yet.
    init(of addresses: [IPAddress], dnsPort: UInt16) throws(SystemError) {
        var attempts = 16
        while true {
            do throws(SystemError) {
                let bound = try Self.bind(addresses)
                sockets = bound.sockets.map { ($0.0, Endpoint($0.1, port: dnsPort)) }
                port = bound.port
                return
            } catch {
                // The port that one address gave us is taken at another.
                attempts -= 1
                guard error.errno == EADDRINUSE, attempts > 0 else { throw error }
            }
        }
    }

    private static func bind(
        _ addresses: [IPAddress]
    ) throws(SystemError) -> (sockets: [(SharedDescriptor, IPAddress)], port: UInt16) {
        var port: UInt16 = 0
        var sockets: [(SharedDescriptor, IPAddress)] = []
        for address in addresses {
            let socket = SharedDescriptor(try Socket.alone(at: Endpoint(address, port: port)))
            port = Socket.localEndpoint(of: socket.raw)?.port ?? port
            sockets.append((socket, address))
        }
        return (sockets, port)
    }

    /// Asks every address; forgets what was answered before.
    func beat() {
        let question = ProbeQuestion(id: 0, token: "").message
        for (socket, target) in sockets { Socket.exchange(question, with: target, on: socket.raw) }
    }
}
