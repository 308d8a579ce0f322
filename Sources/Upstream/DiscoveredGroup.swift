// A `forward` line whose servers stand behind a name: `dns+srv://_dns-tcp._tcp.cluster-dns.example.org`. The name is
// looked up at the line's `resolver`, and the servers found take questions as those of any other line. Until
// something was found the resolver itself is asked.

package import Addresses
import DNSWire
package import Resolution
import Telemetry
import Timing

/// What a configuration makes of one `forward` line.
package protocol ForwardLine: Exchange {
    /// Questions under way end as they would; then everything is closed.
    func close()
}

extension ForwardGroup: ForwardLine {}

/// Asks the servers that a name leads to, whichever they are at the moment. Confined to its event loop.
package final class DiscoveredGroup: ForwardLine {
    private static let tick = Interval.milliseconds(200)

    private let discovery: ForwardSettings.Discovery
    private let settings: ForwardSettings
    private let network: any Network
    private let counters: UpstreamCounters
    private let numbers: DiscoveryCounters
    private let resolver: ForwardGroup
    private let onNewGroup: (ForwardGroup) -> Void
    private let onChange: ([Endpoint]) -> Void
    private var state: ServerDiscovery
    private var current: ForwardGroup
    /// Is told whether asking is worth it, by whichever group is asked.
    private var reachability: Reachability?
    /// Servers of `current` that were suspects at the last tick.
    private var suspects = ServerSet.none
    private var counted = 0
    private var isClosing = false

    /// Begins to look; `onNewGroup` sees every group that takes questions, `onChange` every new list of servers.
    package init(
        _ discovery: ForwardSettings.Discovery,
        _ settings: ForwardSettings,
        network: any Network,
        counters: UpstreamCounters,
        onNewGroup: @escaping (ForwardGroup) -> Void,
        onChange: @escaping ([Endpoint]) -> Void
    ) {
        self.discovery = discovery
        self.settings = settings
        self.network = network
        self.counters = counters
        self.onNewGroup = onNewGroup
        self.onChange = onChange
        numbers = counters.discovery(of: discovery.name)
        resolver = ForwardGroup(settings, network: network, counters: counters)
        current = resolver
        state = ServerDiscovery(at: network.now)
        onNewGroup(resolver)
        wake()
    }

    package func ask(_ query: UpstreamQuery, completion: @escaping (UpstreamOutcome) -> Void) {
        current.ask(query, completion: completion)
    }

    package func report(to reachability: Reachability?) {
        self.reachability = reachability
        current.report(to: reachability)
    }

    package func close() {
        isClosing = true
        if current !== resolver { current.close() }
        resolver.close()
        count(0)
    }

    // MARK: - Looking

    private func wake() {
        guard !isClosing else { return }
        let now = network.now
        lookSoonForNewSuspects(at: now)
        if state.isDue(at: now) { look() }
        network.wake(at: now + Self.tick) { self.wake() }
    }

    /// Once for each: what stays dead is not asked about every second, by every node.
    private func lookSoonForNewSuspects(at now: Instant) {
        let seen = current === resolver ? ServerSet.none : current.suspects
        if !seen.subtracting(suspects).isEmpty { state.wasSuspected(at: now) }
        suspects = seen
    }

    private func look() {
        let message = QueryMessage.question(discovery.name, .srv, id: 0)
        let query = UpstreamQuery(message: message, questionEnd: message.count, clientTransport: .udp)
        resolver.ask(query) { outcome in self.hear(outcome) }
    }

    private func hear(_ outcome: UpstreamOutcome) {
        guard !isClosing else { return }
        let now = network.now
        guard case .answered(let message, let server) = outcome,
            let records = ServiceRecords(message, preferring: server.address.family)
        else { return fail() }
        let servers = records.servers.filter { !discovery.ownAddresses.contains($0.address) }
        guard !servers.isEmpty else { return fail() }
        if state.found(servers, for: records.life, at: now) { use(state.servers) }
    }

    private func fail() {
        numbers.failures.add()
        state.failed(at: network.now)
    }

    /// A reload may have made another group for the name: both add what they have.
    private func count(_ servers: Int) {
        numbers.servers.add(Int64(servers - counted))
        counted = servers
    }

    /// The old servers answer what they were asked; the new ones are asked from now on.
    private func use(_ servers: [Endpoint]) {
        var settings = self.settings
        settings.upstreams = servers
        let old = current
        suspects = .none
        old.report(to: nil)
        current = ForwardGroup(settings, network: network, counters: counters)
        current.report(to: reachability)
        onNewGroup(current)
        if old !== resolver { old.close() }
        count(servers.count)
        onChange(servers)
    }
}

extension ForwardGroup {
    /// Servers with which something is wrong.
    fileprivate var suspects: ServerSet {
        var suspects = ServerSet.none
        for server in servers where server.health.isSuspect { suspects.insert(server.index) }
        return suspects
    }
}
