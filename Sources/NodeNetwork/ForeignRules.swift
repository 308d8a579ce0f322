// What node-cache leaves on a node: iptables rules that every one of them marks with a comment. Its NOTRACK
// rules say "an agent lives" to our fall-back for ever, so they must go. Rules of nftables, and of iptables
// on top of nftables, are deleted one by one; rules of legacy iptables are only found.

package import Addresses
import CNetlink
import Glibc

/// A rule in somebody else's table.
package struct ForeignRule: Hashable, Sendable {
    package let family: IPAddress.Family
    package let table: String
    package let chain: String
    package let comment: String
    /// The kernel's number of the rule in its table.
    let handle: UInt64

    /// `ip raw PREROUTING`.
    var place: String { "\(RuleSet.title(family, table)) \(chain)" }
}

extension ForeignRule: CustomStringConvertible {
    package var description: String { "{\(place) [\(comment)]}" }
}

/// Finds and deletes them.
struct ForeignRules {
    let connection: NetlinkConnection

    /// What node-cache's comments begin with, and those of our own table in its place.
    static let commentPrefix = "NodeLocal DNS Cache:"
    /// Where node-cache puts its rules.
    private static let tables = ["raw", "filter"]

    func remove() -> NetworkReport {
        var report = NetworkReport()
        for family in IPAddress.Family.allCases {
            for table in Self.tables { remove(family, table, &report) }
        }
        for table in LegacyTable.allInUse() where Self.tables.contains(table.name) {
            do {
                let count = try table.occurrences(of: Self.commentPrefix)
                if count > 0 { report.changes.append(.foundLegacyRules(table, count: count)) }
            } catch {
                report.failures.append(NodeNetworkError(.read, .legacyTable(table.title), error))
            }
        }
        return report
    }

    /// All of a table's in one transaction.
    private func remove(_ family: IPAddress.Family, _ table: String, _ report: inout NetworkReport) {
        do {
            let found = try rules(family, table)
            if found.isEmpty { return }
            var batch = NftBatch(on: connection)
            for rule in found { try batch.delete(rule) }
            try batch.commit()
            report.changes += found.map { .removedForeignRule($0) }
        } catch {
            report.failures.append(error)
        }
    }

    private func rules(
        _ family: IPAddress.Family,
        _ table: String
    ) throws(NodeNetworkError) -> [ForeignRule] {
        let messages: [NetlinkMessage]
        do {
            messages = try connection.ruleList(inTable: table, family: family)
        } catch {
            throw NodeNetworkError(.read, .table(RuleSet.title(family, table)), error)
        }
        return messages.compactMap { message in
            guard let comment = message.ruleComments.first(where: { $0.hasPrefix(Self.commentPrefix) }),
                let chain = message.nftablesAttribute(NFTA_RULE_CHAIN.rawValue)?.netlinkText,
                let handle = message.nftablesAttribute(NFTA_RULE_HANDLE.rawValue), handle.count == 8
            else { return nil }
            return ForeignRule(
                family: family,
                table: table,
                chain: chain,
                comment: comment,
                handle: UInt64(handle.networkUInt32(at: 0)) << 32 | UInt64(handle.networkUInt32(at: 4))
            )
        }
    }
}

extension NetlinkMessage {
    /// A rule's comments: nft keeps one in the user data, iptables-nft in an xt match named `comment`.
    fileprivate var ruleComments: [String] {
        let own = nftablesAttribute(NFTA_RULE_USERDATA.rawValue).flatMap(RuleCompiler.comment(inUserData:))
        let expressions = nftablesAttribute(NFTA_RULE_EXPRESSIONS.rawValue)?.netlinkAttributes(from: 0) ?? []
        let matches = expressions.compactMap { expression -> String? in
            guard expression.value.netlinkAttribute(NFTA_EXPR_NAME.rawValue, from: 0)?.netlinkText == "match",
                let match = expression.value.netlinkAttribute(NFTA_EXPR_DATA.rawValue, from: 0),
                match.netlinkAttribute(NFTA_MATCH_NAME.rawValue, from: 0)?.netlinkText == "comment"
            else { return nil }
            return match.netlinkAttribute(NFTA_MATCH_INFO.rawValue, from: 0)?.netlinkText
        }
        return [own].compactMap(\.self) + matches
    }
}
