// Listens to what others do to our link, addresses and tables. It only answers "may something of ours
// have changed?"; reading and repairing is NodeNetwork's work. Changes of our own are recognised by the
// port id they carry; those that carry none (IPv6 addresses) cost one more reading, which finds all well
// and ends the matter.

import Addresses
import CNetlink
import Glibc

/// Two sockets of notifications for the caller's epoll.
struct NetworkMonitor {
    private let plan: NetworkPlan
    private let route: any NetlinkChannel
    private let filter: any NetlinkChannel
    /// Joined only while a table of ours has not us as its owner: an owned one cannot be changed by others,
    /// and kube-proxy's transactions are thousands of messages that would wake us for nothing.
    private var hearsTables = false

    init(plan: NetworkPlan, opener: any NetlinkOpener) throws(NodeNetworkError) {
        self.plan = plan
        do {
            route = try opener.open(NETLINK_ROUTE, as: .anonymous)
            for group in [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR] {
                try route.setMembership(true, ofGroup: group.rawValue)
            }
        } catch {
            throw NodeNetworkError(.open, .routeSocket, error)
        }
        do {
            filter = try opener.open(NETLINK_NETFILTER, as: .anonymous)
        } catch {
            throw NodeNetworkError(.open, .filterSocket, error)
        }
    }

    /// Readable when there is something to drain; constant while the monitor lives.
    var descriptors: [CInt] { [route.descriptor, filter.descriptor] }

    /// Starts or stops hearing of tables.
    mutating func setHearsTables(_ hears: Bool) throws(NodeNetworkError) {
        guard hears != hearsTables else { return }
        do {
            try filter.setMembership(hears, ofGroup: NFNLGRP_NFTABLES.rawValue)
            hearsTables = hears
        } catch {
            throw NodeNetworkError(.open, .filterSocket, error)
        }
    }

    /// Reads all that waits; true when something of ours may have changed by another's hand.
    func drain(ownPorts: Set<UInt32>, linkIndex: UInt32?, tableNames: Set<String>) -> Bool {
        let onLinks = drain(route) { message in
            !ownPorts.contains(message.portID) && concerns(message, linkIndex)
        }
        let onTables = drain(filter) { message in
            // In every message about tables, and about what is in them, attribute 1 is the table's name.
            !ownPorts.contains(message.portID)
                && message.nftablesAttribute(NFTA_TABLE_NAME.rawValue).map(\.netlinkText)
                    .map(tableNames.contains) ?? false
        }
        return onLinks || onTables
    }

    private func drain(_ channel: any NetlinkChannel, isOurs: (NetlinkMessage) -> Bool) -> Bool {
        var changed = false
        while true {
            do {
                guard let datagram = try channel.receive() else { return changed }
                if !changed { changed = NetlinkMessage.messages(in: datagram).contains(where: isOurs) }
            } catch {
                changed = true
                // ENOBUFS: notifications were lost, so anything may have happened; those that came after
                // still wait. Another error would come again and again: leave it to the next check.
                guard error.code == ENOBUFS else { return true }
            }
        }
    }

    private func concerns(_ message: NetlinkMessage, _ linkIndex: UInt32?) -> Bool {
        switch CInt(message.type) {
        case CInt(RTM_NEWLINK), CInt(RTM_DELLINK):
            guard let link = Link(message) else { return false }
            return link.name == plan.interfaceName || link.index == linkIndex
        case CInt(RTM_NEWADDR), CInt(RTM_DELADDR):
            return LinkAddress(message).map { plan.addresses.contains($0.address) } ?? false
        default:
            return false
        }
    }
}
