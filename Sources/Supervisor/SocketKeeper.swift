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

    /// The endpoints where plain DNS is served, which can be probed.
    package var plainEndpoints: [Endpoint] {
        endpoints.filter { sockets[$0]?.contains { $0.transport == .udp } == true }
    }

    /// The endpoints that a plan needs: the wildcard is one for each family.
    package func endpoints(of plan: ListenerPlan) -> Set<Endpoint> { Set(needs(of: plan).keys) }

    /// What is listened on at each endpoint: TLS is over TCP only.
    private func needs(of plan: ListenerPlan) -> [Endpoint: Set<Transport>] {
        var result: [Endpoint: Set<Transport>] = [:]
        for listener in plan.listeners.map(\.endpoint) {
            let transports: Set<Transport> = listener.isEncrypted ? [.tcp] : [.udp, .tcp]
            if let address = listener.address {
                result[Endpoint(address, port: listener.port)] = transports
                continue
            }
            result[Endpoint(.unspecified(.v4), port: listener.port)] = transports
            if hasIPv6 { result[Endpoint(.unspecified(.v6), port: listener.port)] = transports }
        }
        return result
    }

    /// Opens what the plan needs and is not open; returns the new sockets. All or nothing.
    package mutating func open(for plan: ListenerPlan) throws(SocketProblem) -> [ListeningSocket] {
        let needs = needs(of: plan).sorted { $0.key.sortKey < $1.key.sortKey }
        var opened: [ListeningSocket] = []
        do throws(SystemError) {
            for (endpoint, transports) in needs {
                let missing = transports.subtracting((sockets[endpoint] ?? []).map(\.transport))
                opened += try open(endpoint, missing)
            }
        } catch {
            throw SocketProblem(cause: error)
        }
        for socket in opened { sockets[socket.endpoint, default: []].append(socket) }
        return opened
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

    private func open(
        _ endpoint: Endpoint,
        _ transports: Set<Transport>
    ) throws(SystemError) -> [ListeningSocket] {
        var result: [ListeningSocket] = []
        for _ in 0..<(transports.contains(.udp) ? threads : 0) {
            let socket = SharedDescriptor(try Socket.datagram(for: endpoint).moved(to: .listeners))
            if isInUse { try Socket.bind(datagram: socket.raw, to: endpoint) }
            let owed = SharedDescriptor(try MemoryFile.make(name: "dns-owed", []))
            result.append(ListeningSocket(.udp, endpoint, socket, owed: owed))
        }
        guard transports.contains(.tcp) else { return result }
        let socket = SharedDescriptor(try Socket.stream(boundTo: endpoint).moved(to: .listeners))
        result.append(ListeningSocket(.tcp, endpoint, socket))
        return result
    }

    /// Forgets what a worker had read and not answered: what may have been its end shall not be its successor's.
    package func forgetOwed() {
        for file in all.compactMap(\.owed) { file.empty() }
    }

    /// Closes our copies of all sockets that the plan does not need.
    package mutating func closeAll(except plan: ListenerPlan) {
        let needs = needs(of: plan)
        for (endpoint, open) in sockets {
            let needed = open.filter { needs[endpoint]?.contains($0.transport) == true }
            sockets[endpoint] = needed.isEmpty ? nil : needed
        }
    }
}

extension Endpoint {
    /// By port, then IPv4 first, then by address.
    fileprivate var sortKey: (UInt16, UInt8, UInt64, UInt64) {
        (port, address.family.rawValue, address.high, address.low)
    }
}
