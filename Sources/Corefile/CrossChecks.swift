// What only shows when all blocks are seen together: zones served twice, HTTP ports used twice, forwarding
// that comes back to us.

import Addresses
import DNSWire

/// The checks over a whole configuration.
struct CrossChecks {
    let check: Check
    let configuration: AgentConfiguration

    func run() {
        checkZones()
        checkLoops()
        checkPorts()
    }

    // MARK: - Zones

    /// A zone on one address of one port.
    private struct Place: Hashable {
        let zone: ZoneKey
        let address: IPAddress?
    }

    /// CoreDNS' two rules: nothing twice, and nothing both bound and unbound.
    private func checkZones() {
        var taken: [Place: SourceLocation] = [:]
        var byZone: [ZoneKey: Place] = [:]
        for block in configuration.blocks {
            for zone in block.zones {
                for address in block.listen.places {
                    let place = Place(zone: zone, address: address)
                    let location = block.origin.location
                    if let first = taken[place] {
                        check.error(
                            at: location,
                            "cannot serve \(zone)\(Self.shown(address)) - it is already defined",
                            hint: "the other one is at \(first); remove one or give it another zone or port"
                        )
                    } else if let other = byZone[zone], (other.address == nil) != (address == nil) {
                        let first = taken[other].map { "; the other one is at \($0)" } ?? ""
                        check.error(
                            at: location,
                            "cannot serve \(zone)\(Self.shown(address)) - zone overlap listener capacity "
                                + "with \(zone)\(Self.shown(other.address))",
                            hint: "give both a 'bind' or none\(first)"
                        )
                    } else {
                        taken[place] = location
                        byZone[zone] = place
                    }
                }
            }
        }
    }

    private static func shown(_ address: IPAddress?) -> String {
        address.map { " on \($0)" } ?? ""
    }

    // MARK: - Loops

    /// A block that forwards to our own listener is fine as long as the way ends somewhere else: policies are
    /// built so. It is an error when following our own listeners comes back to the same block.
    private func checkLoops() {
        let plan = ListenerPlan(configuration)
        let edges = configuration.blocks.map { block in
            block.forwards.flatMap { forward in
                forward.targets.flatMap { target -> [(Int, ForwardConfiguration, Endpoint)] in
                    guard case .plain(let endpoint) = target else { return [] }
                    return plan.blocks(answering: endpoint, for: forward.from, of: block)
                        .map { ($0, forward, endpoint) }
                }
            }
        }
        let ways = edges.map { $0.map(\.0) }
        for start in edges.indices {
            var reported: Set<Endpoint> = []
            for (next, forward, endpoint) in edges[start]
            where !reported.contains(endpoint) && reaches(start, from: next, ways) {
                reported.insert(endpoint)
                check.error(
                    at: forward.origin.location,
                    "plugin/forward: \(endpoint) is our own listen address: "
                        + "a query would come back to this block",
                    hint: "forward to the real upstream instead"
                )
            }
        }
    }

    private func reaches(_ goal: Int, from start: Int, _ edges: [[Int]]) -> Bool {
        var seen: Set<Int> = []
        var waiting = [start]
        while let block = waiting.popLast() {
            if block == goal { return true }
            if seen.insert(block).inserted { waiting += edges[block] }
        }
        return false
    }

    // MARK: - Ports

    /// Health and metrics on one address and port would take turns at random (both set SO_REUSEPORT).
    private func checkPorts() {
        for block in configuration.blocks {
            guard let health = block.health else { continue }
            let clash = configuration.blocks.contains { other in
                guard let metrics = other.prometheus, metrics.port == health.port else { return false }
                return metrics.address == nil || health.address == nil || metrics.address == health.address
            }
            if clash {
                check.warn(
                    at: block.origin.location,
                    "health and prometheus both listen on port \(health.port)",
                    hint: "give them different ports"
                )
            }
        }
    }
}

extension ServerBlockConfiguration.Listen {
    /// The addresses, or one nil for all of them.
    var places: [IPAddress?] {
        switch self {
        case .everywhere: [nil]
        case .addresses(let addresses): addresses
        }
    }
}
