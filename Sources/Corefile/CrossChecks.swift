// What only shows when all blocks are seen together: zones served twice, HTTP ports used twice.
// Forwarding that comes back to us is OwnUpstreams' matter.

import Addresses
import DNSWire

/// The checks over a whole configuration.
struct CrossChecks {
    let check: Check
    let configuration: AgentConfiguration

    func run() {
        checkZones()
        checkEncryption()
        checkPorts()
    }

    // MARK: - Zones

    /// A zone on one address of one port.
    private struct Place: Hashable {
        let zone: ZoneKey
        let address: IPAddress?
    }

    /// CoreDNS' two rules: nothing twice, and nothing both bound and unbound. Blocks with a condition may stand in
    /// front of the one that takes what is left.
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
                            hint: block.condition == nil
                                ? "the other one is at \(first); remove one or give it another zone or port"
                                : "the one at \(first) takes all queries; a block with 'view' stands in front"
                        )
                    } else if let other = byZone[zone], (other.address == nil) != (address == nil) {
                        let first = taken[other].map { "; the other one is at \($0)" } ?? ""
                        check.error(
                            at: location,
                            "cannot serve \(zone)\(Self.shown(address)) - zone overlap listener capacity "
                                + "with \(zone)\(Self.shown(other.address))",
                            hint: "give both a 'bind' or none\(first)"
                        )
                    } else if block.condition == nil {
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

    // MARK: - TLS

    /// What is to be encrypted needs a certificate, and a port of its own.
    private func checkEncryption() {
        var places: [ListenerPlan.Endpoint: SourceLocation] = [:]
        for block in configuration.blocks {
            let location = block.origin.location
            let isEncrypted = block.zones.contains { $0.scheme == .tls }
            if isEncrypted, block.plugin(ServerTLSConfiguration.self) == nil {
                check.error(
                    at: location,
                    "a tls:// listener without certificate would serve in plain text",
                    hint: "add 'tls CERT KEY', or remove 'tls://'"
                )
            }
            for zone in block.zones {
                for address in block.listen.places {
                    let place = ListenerPlan.Endpoint(
                        address: address,
                        port: zone.port,
                        isEncrypted: zone.scheme == .tls
                    )
                    places[place] = places[place] ?? location
                    guard let first = places[place.otherwise] else { continue }
                    check.error(
                        at: location,
                        "\(place) and \(place.otherwise) cannot be served on one port",
                        hint: "the other one is at \(first); give one another port"
                    )
                }
            }
        }
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
