// Keeps the link and its addresses: read, compare, add what is missing. Also takes them away again.
//
// IPv4 is delivered to an address of a link that is down, so an IPv4-only link stays down, as
// node-cache's does: nothing on the node takes it for a working interface. IPv6 is not: the kernel makes
// the local route of an address only while its link is up (ENETDOWN before). Therefore the link is set
// up as soon as the plan has an IPv6 address. It stays mute even so: a dummy link does not do ARP, our
// addresses skip duplicate detection, and its own link-local address is switched off first.

import Addresses
import Glibc

/// The link half of the node's network; one per process.
struct LinkKeeper {
    private let plan: NetworkPlan
    private let connection: NetlinkConnection
    /// Set for good when the kernel has no dummy links: the module will not appear by asking every minute.
    private var usesLoopback = false
    /// Addresses this process added; on kernels before 5.18 the only way to know ours.
    private var added: Set<IPAddress> = []
    /// The link that carries the addresses, once it was seen.
    private(set) var linkIndex: UInt32?

    private static let loopback = "lo"

    init(plan: NetworkPlan, connection: NetlinkConnection) {
        self.plan = plan
        self.connection = connection
    }

    // MARK: Making

    /// Makes the link and addresses exist; what is there already is left alone.
    mutating func establish() -> NetworkReport {
        var report = NetworkReport()
        do {
            let link = try carrier(&report)
            linkIndex = link.index
            if !link.isUp, link.name != Self.loopback, plan.families.contains(.v6) {
                try bringUp(link, &report)
            }
            let present = try addresses(on: [link])
            for address in plan.addresses where !present.contains(where: { $0.isExactly(address) }) {
                add(address, to: link, &report)
            }
        } catch {
            report.failures.append(error)
        }
        return report
    }

    /// The link that shall carry the addresses: the one of the plan's name, a new one, or `lo`.
    private mutating func carrier(_ report: inout NetworkReport) throws(NodeNetworkError) -> Link {
        let name = plan.interfaceName
        if let link = try find(name) {
            // Told once, and only when the process finds it there: later it is simply the one we know.
            if linkIndex == nil { report.changes.append(.adoptedInterface(name)) }
            return link
        }
        if !usesLoopback {
            do {
                try connection.addDummyLink(named: name)
                report.changes.append(.addedInterface(name))
            } catch {
                switch error.code {
                case EEXIST: break  // somebody was faster: theirs will do
                case EOPNOTSUPP:
                    usesLoopback = true
                    report.changes.append(.noDummyInterfaces(wanted: name, error))
                default: throw NodeNetworkError(.add, .link(name), error)
                }
            }
        }
        let carrierName = usesLoopback ? Self.loopback : name
        guard let link = try find(carrierName) else {
            throw NodeNetworkError(.read, .link(carrierName), Errno(ENODEV))
        }
        return link
    }

    private func bringUp(_ link: Link, _ report: inout NetworkReport) throws(NodeNetworkError) {
        do {
            // Refused where IPv6 is off for the link: then there will be no such address anyway.
            try? connection.stopLinkLocalAddresses(on: link)
            try connection.setUp(link)
            report.changes.append(.broughtUp(interface: link.name))
        } catch {
            throw NodeNetworkError(.change, .link(link.name), error)
        }
    }

    private mutating func add(_ address: IPAddress, to link: Link, _ report: inout NetworkReport) {
        do {
            try connection.add(address, to: link)
            added.insert(address)
            report.changes.append(.addedAddress(address, interface: link.name))
        } catch {
            // EEXIST: another instance of us was faster.
            guard error.code != EEXIST else { return }
            report.failures.append(NodeNetworkError(.add, .address(address, link: link.name), error))
        }
    }

    // MARK: Taking away

    /// Removes the link, or from a link that is not ours the addresses that are; of the plan's addresses, or
    /// also of those that bear our mark from another plan.
    mutating func remove(ofEveryPlan: Bool = false) -> NetworkReport {
        var report = NetworkReport()
        do {
            var strangers = try [find(Self.loopback)].compactMap(\.self)
            if let link = try find(plan.interfaceName) {
                if link.kind == "dummy" {
                    delete(link, &report)
                } else {
                    strangers.append(link)
                }
            }
            for found in try addresses(on: strangers) where isOurs(found, ofEveryPlan) {
                guard let link = strangers.first(where: { $0.index == found.linkIndex }) else { continue }
                remove(found.address, from: link, &report)
            }
        } catch {
            report.failures.append(error)
        }
        added = []
        return report
    }

    private func isOurs(_ found: LinkAddress, _ ofEveryPlan: Bool) -> Bool {
        let isMarked = found.origin == LinkAddress.ourOrigin
        if ofEveryPlan, isMarked { return true }
        return plan.addresses.contains(where: found.isExactly)
            && (isMarked || found.linkIndex == linkIndex && added.contains(found.address))
    }

    private func delete(_ link: Link, _ report: inout NetworkReport) {
        do {
            try connection.delete(link)
            report.changes.append(.removedInterface(link.name))
        } catch {
            guard error.code != ENODEV else { return }
            report.failures.append(NodeNetworkError(.delete, .link(link.name), error))
        }
    }

    private func remove(_ address: IPAddress, from link: Link, _ report: inout NetworkReport) {
        do {
            try connection.remove(address, from: link)
            report.changes.append(.removedAddress(address, interface: link.name))
        } catch {
            guard error.code != EADDRNOTAVAIL else { return }
            report.failures.append(NodeNetworkError(.delete, .address(address, link: link.name), error))
        }
    }

    // MARK: Reading

    private func find(_ name: String) throws(NodeNetworkError) -> Link? {
        do {
            return try connection.link(named: name)
        } catch {
            throw NodeNetworkError(.read, .link(name), error)
        }
    }

    private func addresses(on links: [Link]) throws(NodeNetworkError) -> [LinkAddress] {
        do {
            return try connection.addresses().filter { found in
                links.contains { $0.index == found.linkIndex }
            }
        } catch {
            throw NodeNetworkError(.read, .addresses, error)
        }
    }
}

extension LinkAddress {
    /// Whether this is the address with the prefix we would give it.
    fileprivate func isExactly(_ wanted: IPAddress) -> Bool {
        address == wanted && Int(prefixLength) == wanted.bitWidth
    }
}
