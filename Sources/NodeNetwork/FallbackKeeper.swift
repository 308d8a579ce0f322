// The life of the fall-back tables: made once per version, adopted by every later agent, put back when
// somebody flushed them, never taken away when we end. A rebuilt table has forgotten which TCP flows are
// under way, so nothing is rebuilt that is right.
//
// Where the kernel can, a table has an owner as long as an agent lives, and nobody else can change it; then
// it is an orphan, and the next agent adopts it. The owner is not the socket that owns the agent's own
// tables: that one closes whenever interception ends.

import Addresses
import CNetlink
import Glibc

/// The fall-back half of the rules; one per process.
struct FallbackKeeper {
    private var plan: NetworkPlan
    private let opener: any NetlinkOpener
    private var ownership: TableOwnership
    /// Open from the first installation on.
    private var owner: NetlinkConnection?
    /// What the kernel held when a table was made or adopted.
    private var committed: [IPAddress.Family: TableContents] = [:]
    /// What the kernel refused.
    private var missing: [IPAddress.Family: Set<KernelFeature>] = [:]
    /// The families whose table is there and right, as last seen.
    private(set) var families: Set<IPAddress.Family> = []
    /// Those of them that nobody else can change.
    private var owned: Set<IPAddress.Family> = []
    /// Those whose table another agent holds, for as long as it lives; the kernel tells nobody of its end.
    private(set) var heldByAnother: Set<IPAddress.Family> = []
    private var told: Set<NetworkChange> = []

    private static let flags = ListedTable.ownerFlag | ListedTable.persistFlag

    init(plan: NetworkPlan, opener: any NetlinkOpener, ownership: TableOwnership) {
        self.plan = plan
        self.opener = opener
        self.ownership = ownership
    }

    /// The port id of the owner; nil before the first installation.
    var portID: UInt32? { owner?.channel.portID }

    /// Whether somebody else could change a table, so that the kernel's notifications are needed.
    var isVulnerable: Bool { owner != nil && !owned.isSuperset(of: plan.families) }

    // MARK: Making

    /// What is there is held against the new plan from now on.
    mutating func follow(_ fallback: FallbackPlan?) {
        guard plan.fallback != fallback else { return }
        plan.fallback = fallback
        committed = [:]
    }

    /// Brings the kernel's tables to what the plan wants; right ones are left alone.
    mutating func install() -> NetworkReport {
        var report = NetworkReport()
        do {
            let owner = try openOwner()
            let tables = try owner.tables()
            for table in plan.families.compactMap({ FallbackTable(plan, family: $0) }) {
                let existing = tables.first { $0.family == table.family && $0.name == FallbackTable.name }
                do {
                    try establish(table, existing, owner, &report)
                } catch {
                    if error.action != .read { families.remove(table.family) }
                    report.failures.append(error)
                }
            }
        } catch {
            report.failures.append(error)
        }
        return report
    }

    private mutating func openOwner() throws(NodeNetworkError) -> NetlinkConnection {
        if let owner { return owner }
        do {
            let opened = NetlinkConnection(try opener.open(NETLINK_NETFILTER, as: .anonymous))
            owner = opened
            return opened
        } catch {
            throw NodeNetworkError(.open, .filterSocket, error)
        }
    }

    private mutating func establish(
        _ table: FallbackTable,
        _ existing: ListedTable?,
        _ owner: NetlinkConnection,
        _ report: inout NetworkReport
    ) throws(NodeNetworkError) {
        if let existing {
            if committed[table.family] != nil, existing.comment.map(table.isOfOtherVersion) ?? false {
                // A newer agent has come, and replaced ours: to put ours back would go on for ever.
                return leave(table, &report)
            }
            if try isRight(existing, table, owner, &report) {
                families.insert(table.family)
                return adopt(existing, owner)
            }
        }
        try replace(table, existing, owner, &report)
    }

    /// Whether nothing is to be done about the contents of a table that is there.
    private mutating func isRight(
        _ existing: ListedTable,
        _ table: FallbackTable,
        _ owner: NetlinkConnection,
        _ report: inout NetworkReport
    ) throws(NodeNetworkError) -> Bool {
        if let known = committed[table.family] {
            let rules = table.rules(without: missing[table.family] ?? [])
            return try owner.contents(asIn: rules) == known
        }
        guard let without = existing.comment.flatMap(table.missing) else { return false }
        let rules = table.rules(without: without)
        let found = try owner.contents(asIn: rules)
        guard found.resembles(rules) else { return false }
        committed[table.family] = found
        missing[table.family] = without
        report.changes.append(.adoptedFallback(rules.title))
        for feature in without { tell(.leftOut(feature, table: rules.title, .running()), &report) }
        return true
    }

    /// Protects a table that nobody owns. What is refused here is another agent's, or a plain table, which
    /// cannot be adopted; in both cases it does its work.
    private mutating func adopt(_ table: ListedTable, _ owner: NetlinkConnection) {
        if table.hasOwner, !owned.contains(table.family) {
            heldByAnother.insert(table.family)
        } else {
            heldByAnother.remove(table.family)
        }
        guard ownership == .whereSupported, table.isOrphan else { return }
        do {
            var batch = NftBatch(on: owner)
            try batch.adoptTable(table.name, family: table.family, flags: Self.flags)
            try batch.commit()
            owned.insert(table.family)
        } catch {
            owned.remove(table.family)
        }
    }

    /// Makes the table in one transaction, without what the kernel refuses.
    private mutating func replace(
        _ table: FallbackTable,
        _ existing: ListedTable?,
        _ owner: NetlinkConnection,
        _ report: inout NetworkReport
    ) throws(NodeNetworkError) {
        var without = missing[table.family] ?? []
        var flags = ownership == .whereSupported ? Self.flags : 0
        while true {
            let rules = table.rules(without: without)
            do {
                var batch = NftBatch(on: owner)
                if existing != nil { try batch.deleteTable(rules.name, family: rules.family) }
                try batch.add(rules, flags: flags)
                try batch.commit()
                break
            } catch {
                if error.object == .table(rules.title) {
                    // Owned by another agent, for as long as it lives.
                    if error.reason.code == EPERM {
                        heldByAnother.insert(table.family)
                        return leave(table, &report)
                    }
                    // Unknown table flags: see Interception.
                    if flags != 0, error.reason.code == EINVAL || error.reason.code == EOPNOTSUPP {
                        flags = 0
                        continue
                    }
                }
                guard let feature = rules.feature(refusedIn: error), without.insert(feature).inserted else {
                    throw error
                }
            }
        }
        let rules = table.rules(without: without)
        families.insert(table.family)
        heldByAnother.remove(table.family)
        if flags == 0 { owned.remove(table.family) } else { owned.insert(table.family) }
        missing[table.family] = without
        report.changes.append(.installedFallback(rules.title))
        committed[table.family] = try owner.contents(asIn: rules)

        if flags == 0, ownership == .whereSupported {
            ownership = .never
            without.insert(.persistentOwner)
        }
        let made = try owner.tables().first { $0.family == table.family && $0.name == FallbackTable.name }
        if made?.comment == nil { without.insert(.tableComment) }
        for feature in KernelFeature.allCases where without.contains(feature) {
            tell(.leftOut(feature, table: rules.title, .running()), &report)
        }
    }

    private mutating func leave(_ table: FallbackTable, _ report: inout NetworkReport) {
        families.remove(table.family)
        owned.remove(table.family)
        tell(.leftFallback(RuleSet.title(table.family, FallbackTable.name)), &report)
    }

    private mutating func tell(_ change: NetworkChange, _ report: inout NetworkReport) {
        if told.insert(change).inserted { report.changes.append(change) }
    }

    // MARK: Taking away

    /// Deletes the tables, whoever made them.
    mutating func remove() -> NetworkReport {
        var report = NetworkReport()
        do {
            let owner = try openOwner()
            for table in try owner.tables() where table.name == FallbackTable.name {
                do {
                    var batch = NftBatch(on: owner)
                    try batch.deleteTable(table.name, family: table.family)
                    try batch.commit()
                    report.changes.append(.removedTable(RuleSet.title(table.family, table.name)))
                } catch {
                    if error.reason.code != ENOENT { report.failures.append(error) }
                }
            }
        } catch {
            report.failures.append(error)
        }
        owner = nil
        committed = [:]
        families = []
        owned = []
        heldByAnother = []
        return report
    }
}
