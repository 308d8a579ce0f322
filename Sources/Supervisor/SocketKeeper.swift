// Opens every listening socket and keeps it while workers come and go: what a worker's death leaves in a queue,
// its successor reads. Sockets come into use as late as can be: another agent may serve the same addresses, and
// what the kernel deals to us before a worker is there would be held up, or lost if none ever comes.

package import Addresses
package import Control
package import Corefile
import Glibc
import Kernel

/// A socket that cannot be opened, with the way out.
package struct SocketProblem: Error, Hashable, Sendable, CustomStringConvertible {
    let cause: SystemError

    /// `listen udp 192.0.2.1:53: Permission denied: needs NET_BIND_SERVICE (or root)`
    package var description: String {
        switch cause.errno {
        case EACCES, EPERM: "\(cause): needs NET_BIND_SERVICE (or root)"
        case EADDRINUSE:
            "\(cause): another DNS server (systemd-resolved? node-cache?) holds the port; "
                + "stop it or change -localip or -dns.port"
        case EADDRNOTAVAIL: "\(cause): the address is not on this node and cannot be"
        case EMFILE, ENFILE: "\(cause): raise the limit of open files (ulimit -n)"
        default: "\(cause)"
        }
    }
}

/// The listening sockets of this process.
package struct SocketKeeper {
    private let threads: Int
    private let hasIPv6: Bool
    private var sockets: [Endpoint: [ListeningSocket]] = [:]
    /// Whether a worker was there: from then on sockets are bound as soon as they are opened. Those for TCP always
    /// are, because before `listen`, which is the worker's, that draws nothing, and tells of a port that is taken.
    private var isInUse = false

    /// `threads` sockets are opened for UDP at each endpoint, one for each packet thread of a worker.
    package init(threads: Int, hasIPv6: Bool = Interfaces.hasIPv6) {
        self.threads = threads
        self.hasIPv6 = hasIPv6
    }

    /// Every socket, by endpoint.
    package var all: [ListeningSocket] { endpoints.flatMap { sockets[$0] ?? [] } }

    package var endpoints: [Endpoint] { sockets.keys.sorted { $0.sortKey < $1.sortKey } }

    /// The endpoints that a plan needs: the wildcard is one for each family.
    package func endpoints(of plan: ListenerPlan) -> Set<Endpoint> {
        var result: Set<Endpoint> = []
        for listener in plan.listeners.map(\.endpoint) {
            if let address = listener.address {
                result.insert(Endpoint(address, port: listener.port))
                continue
            }
            result.insert(Endpoint(.unspecified(.v4), port: listener.port))
            if hasIPv6 { result.insert(Endpoint(.unspecified(.v6), port: listener.port)) }
        }
        return result
    }

    /// Opens what the plan needs and is not open; returns the new sockets. All or nothing.
    package mutating func open(for plan: ListenerPlan) throws(SocketProblem) -> [ListeningSocket] {
        let missing = endpoints(of: plan).subtracting(sockets.keys).sorted { $0.sortKey < $1.sortKey }
        var opened: [Endpoint: [ListeningSocket]] = [:]
        do throws(SystemError) {
            for endpoint in missing { opened[endpoint] = try open(endpoint) }
        } catch {
            throw SocketProblem(cause: error)
        }
        sockets.merge(opened) { $1 }
        return missing.flatMap { opened[$0] ?? [] }
    }

    /// Binds what `open` left unbound; to be called when the first worker is ready.
    package mutating func putInUse() throws(SocketProblem) {
        guard !isInUse else { return }
        isInUse = true
        do throws(SystemError) {
            for socket in all where socket.transport == .udp {
                try Socket.bind(datagram: socket.descriptor.raw, to: socket.endpoint)
            }
        } catch {
            throw SocketProblem(cause: error)
        }
    }

    private func open(_ endpoint: Endpoint) throws(SystemError) -> [ListeningSocket] {
        var result: [ListeningSocket] = []
        for _ in 0..<threads {
            let socket = SharedDescriptor(try Socket.datagram(for: endpoint).moved(to: .listeners))
            if isInUse { try Socket.bind(datagram: socket.raw, to: endpoint) }
            result.append(ListeningSocket(.udp, endpoint, socket))
        }
        let socket = SharedDescriptor(try Socket.stream(boundTo: endpoint).moved(to: .listeners))
        result.append(ListeningSocket(.tcp, endpoint, socket))
        return result
    }

    /// Closes our copies of all sockets that the plan does not need.
    package mutating func closeAll(except plan: ListenerPlan) {
        let needed = endpoints(of: plan)
        sockets = sockets.filter { needed.contains($0.key) }
    }
}

extension Endpoint {
    /// By port, then IPv4 first, then by address.
    fileprivate var sortKey: (UInt16, UInt8, UInt64, UInt64) {
        (port, address.family.rawValue, address.high, address.low)
    }
}
