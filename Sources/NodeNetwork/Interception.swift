// The life of our tables: committed, kept, withdrawn. One netlink socket owns them all and is open for
// exactly as long as interception is wanted; when this process dies, however it dies, the kernel closes
// the socket and deletes the tables with it, and the traffic flows to the cluster's DNS again.
//
// Each family is a transaction of its own: a node without IPv6 still gets its IPv4 rules.

import Addresses
import CNetlink
import Glibc

/// Whether tables shall belong to the socket that made them.
package enum TableOwnership: Hashable, Sendable {
    /// Where the kernel can; else a plain table, and the fact is told.
    case whereSupported
    /// Never: what a kernel before 5.12 does.
    case never
}

/// The rules half of the node's network; one per process.
struct Interception {
    private let plan: NetworkPlan
    private let opener: any NetlinkOpener
    private var ownership: TableOwnership
    /// The owner; nil while interception is not wanted.
    private var owner: NetlinkConnection?
    /// What the kernel held right after each commit; a later reading that differs is somebody's work.
    private var committed: [IPAddress.Family: TableContents] = [:]
    /// The families whose table was in the kernel, right and ours, when last seen.
    private(set) var families: Set<IPAddress.Family> = []
    private var toldOfMissingOwner = false
    /// What the kernel refused of that which the plan wants beside the plain rules.
    private var missing: Set<KernelFeature> = []

    init(plan: NetworkPlan, opener: any NetlinkOpener, ownership: TableOwnership) {
        self.plan = plan
        self.opener = opener
        self.ownership = ownership
    }

    /// The port id of the owner; nil while interception is not wanted.
    var portID: UInt32? { owner?.channel.portID }

    /// Whether somebody else could change our tables, so that the kernel's notifications are needed.
    var isVulnerable: Bool { owner != nil && ownership == .never }

    // MARK: Committing

    /// Brings the kernel's tables to what the plan wants: makes what is missing, replaces what is wrong.
    mutating func commit() -> NetworkReport {
        var report = NetworkReport()
        do {
            let owner = try openOwner()
            let name = AgentTable.name(portID: owner.channel.portID)
            let tables = try owner.tables().compactMap(AgentTable.init)
            removeStale(tables, owner, &report)
            for family in plan.families {
                let exists = tables.contains { $0.family == family && $0.name == name }
                do {
                    try establish(family, name: name, exists: exists, owner, &report)
                } catch {
                    // A table that could not be read is still there; one that could not be made is not.
                    if error.action != .read { families.remove(family) }
                    report.failures.append(error)
                }
            }
        } catch {
            report.failures.append(error)
        }
        return report
    }

    /// The owner; opened when interception is wanted for the first time.
    private mutating func openOwner() throws(NodeNetworkError) -> NetlinkConnection {
        if let owner { return owner }
        var attempts = 3
        while true {
            do {
                let port = AgentTable.randomPortID()
                let opened = NetlinkConnection(try opener.open(NETLINK_NETFILTER, as: .owner(port)))
                owner = opened
                return opened
            } catch {
                attempts -= 1
                // EADDRINUSE: the one-in-a-billion port id is another agent's.
                guard error.code == EADDRINUSE, attempts > 0 else {
                    throw NodeNetworkError(.open, .filterSocket, error)
                }
            }
        }
    }

    /// Establishes the table with everything the kernel can do.
    private mutating func establish(
        _ family: IPAddress.Family,
        name: String,
        exists: Bool,
        _ owner: NetlinkConnection,
        _ report: inout NetworkReport
    ) throws(NodeNetworkError) {
        while true {
            // A table that outlives us must at least let go of what no socket of ours would get.
            let isGated = plan.gatesOnSockets || ownership == .never
            let rules = RuleSet.untracked(
                plan,
                family: family,
                name: name,
                isGated: isGated,
                without: missing
            )
            do {
                try establish(rules, exists: exists, owner, &report)
                return tellOfMissingOwner(rules.title, &report)
            } catch {
                if ownership == .whereSupported, rules.refusesOwner(error) {
                    ownership = .never
                    continue
                }
                guard let feature = rules.feature(refusedIn: error), missing.insert(feature).inserted else {
                    throw error
                }
                report.changes.append(.leftOut(feature, table: rules.title, .running()))
            }
        }
    }

    private mutating func tellOfMissingOwner(_ title: String, _ report: inout NetworkReport) {
        guard ownership == .never, !toldOfMissingOwner else { return }
        toldOfMissingOwner = true
        report.changes.append(.tableWithoutOwner(title, .running()))
    }

    private mutating func establish(
        _ rules: RuleSet,
        exists: Bool,
        _ owner: NetlinkConnection,
        _ report: inout NetworkReport
    ) throws(NodeNetworkError) {
        var missing = rules.chains.flatMap { chain in chain.rules.indices.map { (chain, $0) } }
        if exists, let committed = committed[rules.family] {
            let found = try owner.contents(asIn: rules)
            if found == committed { return }
            missing.removeAll { chain, index in
                guard let rule = committed.rules[chain.name]?.dropFirst(index).first else { return false }
                return found.rules[chain.name]?.contains(rule) == true
            }
        }
        committed[rules.family] = nil
        let flags = ownership == .whereSupported ? ListedTable.ownerFlag : 0
        try commit(rules, exists: exists, flags: flags, owner)
        families.insert(rules.family)
        if missing.isEmpty { report.changes.append(.rebuiltTable(rules.title)) }
        for (chain, index) in missing {
            let text = chain.rules[index].text(rules.family)
            report.changes.append(.addedRule(table: rules.title, chain: chain.name, rule: text))
        }
        committed[rules.family] = try owner.contents(asIn: rules)
    }

    private func commit(
        _ rules: RuleSet,
        exists: Bool,
        flags: UInt32,
        _ owner: NetlinkConnection
    ) throws(NodeNetworkError) {
        var batch = NftBatch(on: owner)
        if exists {
            try batch.deleteTable(rules.name, family: rules.family)
        }
        try batch.add(rules, flags: flags)
        try batch.commit()
    }

    // MARK: Withdrawing

    /// Puts tables in place of ours that take nothing new. Where that is refused they are deleted.
    mutating func finish() -> NetworkReport {
        guard let owner else { return NetworkReport() }
        var report = NetworkReport()
        let name = AgentTable.name(portID: owner.channel.portID)
        do {
            for family in plan.families where families.contains(family) {
                let rules = RuleSet.openConnections(plan, family: family, name: name)
                let flags = ownership == .whereSupported ? ListedTable.ownerFlag : 0
                try commit(rules, exists: true, flags: flags, owner)
                report.changes.append(.narrowedTable(rules.title))
            }
        } catch {
            report.failures.append(error)
            report.add(withdraw())
        }
        committed = [:]
        families = []
        return report
    }

    /// Deletes our tables and closes their owner.
    mutating func withdraw() -> NetworkReport {
        var report = NetworkReport()
        guard let owner else { return report }
        let name = AgentTable.name(portID: owner.channel.portID)
        do {
            for table in try owner.tables().compactMap(AgentTable.init) where table.name == name {
                delete(table, owner, &report) { .removedTable($0) }
            }
        } catch {
            report.failures.append(error)
        }
        // Closing deletes an owned table even where the transaction above was refused.
        self.owner = nil
        committed = [:]
        families = []
        return report
    }

    // MARK: Other agents' tables

    /// Whether a table says that another agent lives on this node.
    func otherAgentLives(_ connection: NetlinkConnection) throws(NodeNetworkError) -> Bool {
        try connection.tables().compactMap(AgentTable.init).contains {
            $0.portID != portID && opener.isAlive($0)
        }
    }

    /// Deletes the tables of every agent, dead or alive; the kernel refuses those of living owners.
    func removeAll(_ connection: NetlinkConnection) throws(NodeNetworkError) -> NetworkReport {
        var report = NetworkReport()
        for table in try connection.tables().compactMap(AgentTable.init) {
            delete(table, connection, &report) { .removedTable($0) }
        }
        return report
    }

    /// Deletes tables whose agent is dead: on old kernels SIGKILL leaves them behind.
    private func removeStale(
        _ tables: [AgentTable],
        _ owner: NetlinkConnection,
        _ report: inout NetworkReport
    ) {
        for table in tables where table.portID != owner.channel.portID && !opener.isAlive(table) {
            delete(table, owner, &report) { .removedStaleTable($0) }
        }
    }

    private func delete(
        _ table: AgentTable,
        _ owner: NetlinkConnection,
        _ report: inout NetworkReport,
        telling change: (String) -> NetworkChange
    ) {
        let title = RuleSet.title(table.family, table.name)
        do {
            var batch = NftBatch(on: owner)
            try batch.deleteTable(table.name, family: table.family)
            try batch.commit()
            report.changes.append(change(title))
        } catch {
            // ENOENT: somebody was faster; it is gone, and that is what we wanted.
            if error.reason.code != ENOENT { report.failures.append(error) }
        }
    }
}

extension RuleSet {
    /// Whether a refusal is of the owner flag: EINVAL before Linux 5.12, EOPNOTSUPP after. If that is not what it
    /// meant, the plain table is refused as well, and that refusal is told.
    fileprivate func refusesOwner(_ error: NodeNetworkError) -> Bool {
        error.object == .table(title) && (error.reason.code == EINVAL || error.reason.code == EOPNOTSUPP)
    }
}
