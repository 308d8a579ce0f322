// Where the upstream Service is: what is made of what servers say about it. No I/O in here; `UpstreamLookup` asks.

import Addresses
import DNSWire

/// The addresses of the upstream Service; none when nobody knows it.
struct UpstreamService: Hashable, Sendable {
    /// At most one of each family; the first goes into the template.
    let addresses: [IPAddress]

    /// What a server says about one name and type.
    enum Reply: Hashable, Sendable {
        case addresses([IPAddress])
        /// No such name, or no address of the type.
        case nothing
        /// No answer, or one that says nothing about the name.
        case silence
    }

    /// Asks a server for an address type of a name.
    typealias Ask = (_ name: DomainName, _ family: IPAddress.Family, _ server: Endpoint) -> Reply

    var primary: IPAddress? { addresses.first }

    /// Where cluster DNS has the address of a Service of ours; nil for the root, which is no cluster's zone.
    static func name(of service: String, in zone: DomainName) -> DomainName? {
        zone == .root ? nil : DomainName("\(service).kube-system.svc.\(zone)")
    }
}

extension UpstreamService {
    /// What the environment says; an address of our own would lead back to us.
    init(_ options: SupervisorOptions, _ environment: (String) -> String?) {
        let told = environment(options.upstreamServiceVariable).flatMap { IPAddress($0) }
        addresses = [told].compactMap(\.self).filter { !options.localAddresses.contains($0) }
    }

    /// Looks where the Service is now; nil when nothing better is known than before.
    ///
    /// Its own address is asked first, then the servers that lead to cluster DNS without it. An address is taken
    /// only when it answers itself, and is never one of `ownAddresses`. What is known is never forgotten because
    /// somebody says that it is not there.
    func next(
        names: [DomainName],
        clusterServers: [Endpoint],
        ownAddresses: Set<IPAddress>,
        port: UInt16 = 53,
        ask: Ask
    ) -> UpstreamService? {
        for server in addresses.map({ Endpoint($0, port: port) }) + clusterServers {
            for name in names {
                let replies = IPAddress.Family.allCases.map { ($0, ask(name, $0, server)) }
                // A family about which nothing was heard is as it was.
                let found = replies.compactMap { family, reply -> IPAddress? in
                    switch reply {
                    case .addresses(let addresses): addresses.first { !ownAddresses.contains($0) }
                    case .nothing: nil
                    case .silence: addresses.first { $0.family == family }
                    }
                }
                guard replies.contains(where: { if case .addresses = $1 { true } else { false } }) else {
                    continue
                }
                let usable = found.filter { address in
                    if server == Endpoint(address, port: port) { return true }
                    let answer = ask(name, address.family, Endpoint(address, port: port))
                    guard case .addresses = answer else { return false }
                    return true
                }
                guard !usable.isEmpty else { continue }
                let next = UpstreamService(addresses: ordered(usable))
                return next == self ? nil : next
            }
        }
        return nil
    }

    /// The family that the template has is kept as long as the Service has it.
    private func ordered(_ found: [IPAddress]) -> [IPAddress] {
        guard let family = primary?.family, found.contains(where: { $0.family == family }) else {
            return found
        }
        return found.filter { $0.family == family } + found.filter { $0.family != family }
    }
}
