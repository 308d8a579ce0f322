// Upstreams that are ourselves. A block may forward to another listener of ours as long as the way ends somewhere
// else: policies are built so. What comes back to the same block, or reaches an address of `-localip` on which no
// block listens, is an error where the Corefile says it. A server of a resolv.conf was not written for us: it is
// left out with a warning as long as others remain.

import Addresses

/// Finds the upstreams of one configuration that lead back.
struct OwnUpstreams {
    let check: Check

    /// One target of one `forward` line.
    private struct Place: Hashable {
        let block: Int
        let forward: Int
        let target: Int
    }

    /// The configuration without those that come from files; the others are reported.
    func removed(from configuration: AgentConfiguration) -> AgentConfiguration {
        var configuration = configuration
        var left: Set<Place> = []
        for place in places(leadingBackIn: configuration) {
            let origin = origin(of: place, in: configuration)
            guard let line = origin.fileLine else { continue }
            left.insert(place)
            let address = endpoint(of: place, in: configuration)?.address.description ?? ""
            check.warn(
                at: origin.location,
                "plugin/forward: \(line): nameserver \(address) is our own address, left out: "
                    + "a query would come back to us",
                hint: "name the real upstream there"
            )
        }
        configuration = self.configuration(configuration, without: left)
        for place in places(leadingBackIn: configuration) { reject(place, in: configuration) }
        let plan = ListenerPlan(configuration)
        for forward in configuration.blocks.flatMap(\.forwards) {
            for case .plain(let endpoint) in forward.resolvers
            where plan.listens(on: endpoint, localAddresses: check.localAddresses) {
                check.error(
                    at: forward.origin.location,
                    "plugin/forward: the resolver \(endpoint) is our own listen address",
                    hint: "name a server that knows the service without us"
                )
            }
        }
        return configuration
    }

    private func reject(_ place: Place, in configuration: AgentConfiguration) {
        guard let endpoint = endpoint(of: place, in: configuration) else { return }
        check.error(
            at: origin(of: place, in: configuration).location,
            "plugin/forward: \(endpoint) is our own listen address: a query would come back to this block",
            hint: "forward to the real upstream instead"
        )
    }

    // MARK: - Places

    private func origin(
        of place: Place,
        in configuration: AgentConfiguration
    ) -> ForwardConfiguration.TargetOrigin {
        configuration.blocks[place.block].forwards[place.forward].targetOrigins[place.target]
    }

    private func endpoint(of place: Place, in configuration: AgentConfiguration) -> Endpoint? {
        let target = configuration.blocks[place.block].forwards[place.forward].targets[place.target]
        guard case .plain(let endpoint) = target else { return nil }
        return endpoint
    }

    private func configuration(
        _ configuration: AgentConfiguration,
        without left: Set<Place>
    ) -> AgentConfiguration {
        guard !left.isEmpty else { return configuration }
        let blocks = configuration.blocks.enumerated().map { number, block in
            var forward = -1
            let plugins = block.plugins.map { plugin -> any PluginConfiguration in
                guard let line = plugin as? ForwardConfiguration else { return plugin }
                forward += 1
                let targets = left.filter { $0.block == number && $0.forward == forward }.map(\.target)
                let rest = line.without(Set(targets))
                if rest.targets.isEmpty, let origin = line.targetOrigins.first {
                    check.error(
                        at: origin.location,
                        "plugin/forward: no nameservers left: all of them are our own addresses",
                        hint: "name the real upstream in the file, or here"
                    )
                }
                return rest
            }
            return ServerBlockConfiguration(zones: block.zones, plugins: plugins, origin: block.origin)
        }
        return AgentConfiguration(blocks: blocks, localAddresses: configuration.localAddresses)
    }

    // MARK: - Ways

    private func places(leadingBackIn configuration: AgentConfiguration) -> [Place] {
        let plan = ListenerPlan(configuration)
        var ways = [[Int]](repeating: [], count: configuration.blocks.count)
        var found: [(place: Place, next: Set<Int>)] = []
        for (number, block) in configuration.blocks.enumerated() {
            for (line, forward) in block.forwards.enumerated() {
                for (target, upstream) in forward.targets.enumerated() {
                    guard case .plain(let endpoint) = upstream else { continue }
                    let place = Place(block: number, forward: line, target: target)
                    let next = plan.blocks(
                        answering: endpoint,
                        for: forward.from,
                        of: block,
                        localAddresses: check.localAddresses
                    )
                    ways[number] += next
                    let isUnheard =
                        endpoint.port == check.defaultPort && check.localAddresses.contains(endpoint.address)
                        && !plan.listens(on: endpoint, localAddresses: check.localAddresses)
                    // Nobody listens, and yet the traffic is ours: as bad as a loop.
                    found.append((place, isUnheard ? [number] : next))
                }
            }
        }
        return found.filter { place, next in next.contains { reaches(place.block, from: $0, ways) } }
            .map(\.place)
    }

    private func reaches(_ goal: Int, from start: Int, _ ways: [[Int]]) -> Bool {
        var seen: Set<Int> = []
        var waiting = [start]
        while let block = waiting.popLast() {
            if block == goal { return true }
            if seen.insert(block).inserted { waiting += ways[block] }
        }
        return false
    }
}
