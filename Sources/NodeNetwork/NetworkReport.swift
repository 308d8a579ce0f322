// What a pass over the node's network did, as values that a log can print and a test can compare.

package import Addresses

/// The outcome of one pass: what was changed and what could not be done.
package struct NetworkReport: Hashable, Sendable {
    package internal(set) var changes: [NetworkChange] = []
    package internal(set) var failures: [NodeNetworkError] = []

    package init() {}

    /// Whether there was nothing to do and nothing to complain about.
    package var isEmpty: Bool { changes.isEmpty && failures.isEmpty }

    mutating func add(_ other: NetworkReport) {
        changes += other.changes
        failures += other.failures
    }
}

/// One thing that is different on the node now, or that the operator should know.
package enum NetworkChange: Hashable, Sendable {
    case addedInterface(String)
    /// An interface of that name was there before us; it is used as it is.
    case adoptedInterface(String)
    case broughtUp(interface: String)
    case addedAddress(IPAddress, interface: String)
    /// The kernel has no dummy interfaces: the addresses are on `lo` instead. Told once.
    case noDummyInterfaces(wanted: String, Errno)
    case addedRule(table: String, chain: String, rule: String)
    /// The table was there, but not as it should be; it was replaced in one transaction.
    case rebuiltTable(String)
    /// A table of an agent that is dead was found and deleted.
    case removedStaleTable(String)
    /// The kernel does not delete our table when we die: it does not know table owners. Told once.
    case tableWithoutOwner(String, KernelRelease)
    case removedTable(String)
    /// It takes nothing new any more; open connections are kept.
    case narrowedTable(String)
    case removedAddress(IPAddress, interface: String)
    case removedInterface(String)
    /// Another agent lives on this node and uses the same interface: it stays.
    case leftInterface(String)
    /// The fall-back was not there, or was another version's; it was made in one transaction.
    case installedFallback(String)
    /// The fall-back that an earlier agent left is right, and used as it is.
    case adoptedFallback(String)
    /// Another agent on this node holds, or made, a fall-back of another version: it stays. Told once.
    case leftFallback(String)
    /// The kernel cannot do a part of a table; it works without. Told once.
    case leftOut(KernelFeature, table: String, KernelRelease)
    /// A rule of node-cache, in a table that nftables can reach, was found and deleted.
    case removedForeignRule(ForeignRule)
    /// Rules of node-cache in iptables-legacy, which only its own tool can delete.
    case foundLegacyRules(LegacyTable, count: Int)

    /// How loudly a log should say it.
    package enum Severity: Sendable {
        case info
        case warning
    }

    package var severity: Severity {
        switch self {
        case .noDummyInterfaces, .tableWithoutOwner, .leftOut, .foundLegacyRules: .warning
        default: .info
        }
    }
}

extension NetworkChange: CustomStringConvertible {
    /// The log line; the first and the sixth read as node-cache's, which people grep for.
    package var description: String {
        switch self {
        case .addedInterface(let name): "Added interface - \(name)"
        case .adoptedInterface(let name): "Using the existing interface - \(name)"
        case .broughtUp(let name): "Set interface up - \(name)"
        case .addedAddress(let address, let name): "Added back address - \(address) on \(name)"
        case .noDummyInterfaces(let name, let reason):
            "Cannot make interface \(name), the kernel has no dummy interfaces (\(reason)): "
                + "the addresses go on lo; load the kernel module dummy to have an own interface"
        case .addedRule(let table, let chain, let rule):
            "Added back nodelocaldns rule - {\(table) \(chain) [\(rule)]}"
        case .rebuiltTable(let name): "Rebuilt nodelocaldns table - \(name)"
        case .removedStaleTable(let name): "Removed the table of an agent that is gone - \(name)"
        case .tableWithoutOwner(let name, let release):
            "Table \(name) has no owner, kernel \(release) refuses the flag (known since 5.12): "
                + "if this process is killed, its rules stay until the next start. Pods fall back to cluster DNS all the "
                + "same, programs of the host do with -dead-man"
        case .removedTable(let name): "Removed nodelocaldns table - \(name)"
        case .narrowedTable(let name): "Keeping only open connections - \(name)"
        case .removedAddress(let address, let name): "Removed address - \(address) on \(name)"
        case .removedInterface(let name): "Removed interface - \(name)"
        case .leftInterface(let name): "Left interface to another agent on this node - \(name)"
        case .installedFallback(let name): "Installed the fall-back - \(name)"
        case .adoptedFallback(let name): "Using the existing fall-back - \(name)"
        case .leftFallback(let name): "Left the fall-back to another agent on this node - \(name)"
        case .leftOut(let feature, let name, let release):
            "Table \(name) does without \(feature.rawValue), kernel \(release) refuses it: "
                + feature.consequence
        case .removedForeignRule(let rule): "Removed a rule of node-cache - \(rule)"
        case .foundLegacyRules(let table, let count):
            "\(count) rules of node-cache are left in \(table.tool) -t \(table.name)"
                + (table.name == "raw" ? ", which keep traffic out of the fall-back" : "")
                + ": delete them with \(table.tool), or restart the node"
        }
    }
}
