// The node's network as the supervisor sees it: link, fall-back and interception, each to be set up on its
// own, one pass that puts back what is missing, and the descriptors that say when a pass is worthwhile.
// It decides nothing about time, logs nothing and counts nothing: reports say what happened.

package import Addresses
import CNetlink
import Kernel

/// Makes and keeps link, addresses and tables; one per process, used from one thread at a time.
///
/// All sockets live in the network namespace of the thread that called `init`, `commitInterception` and
/// `reconcile`. Every call may be repeated: it reads the kernel's state and changes what differs.
package final class NodeNetwork {
    private var plan: NetworkPlan
    private let route: NetlinkConnection
    private var link: LinkKeeper
    private var interception: Interception
    private var fallback: FallbackKeeper
    private var monitor: NetworkMonitor
    private var wantsLink = false
    private var wantsInterception = false
    private var wantsFallback = false
    private let opener: any NetlinkOpener

    /// Opens the sockets that read and listen; changes nothing on the node yet. The thread that will own the tables
    /// starts here: call it before any other thread starts.
    package init(
        plan: NetworkPlan,
        opener: any NetlinkOpener = LibmnlOpener(ownersThread: try? SecludedThread(name: "table-owner")),
        ownership: TableOwnership = .whereSupported
    ) throws(NodeNetworkError) {
        self.plan = plan
        self.opener = opener
        do {
            route = NetlinkConnection(try opener.open(NETLINK_ROUTE, as: .anonymous))
        } catch {
            throw NodeNetworkError(.open, .routeSocket, error)
        }
        link = LinkKeeper(plan: plan, connection: route)
        interception = Interception(plan: plan, opener: opener, ownership: ownership)
        fallback = FallbackKeeper(plan: plan, opener: opener, ownership: ownership)
        monitor = try NetworkMonitor(plan: plan, opener: opener)
    }

    // MARK: Setting up

    /// Makes the link and its addresses, unless the plan leaves them to somebody else.
    package func setUpLink() -> NetworkReport {
        guard plan.setsUpInterface else { return NetworkReport() }
        wantsLink = true
        return link.establish()
    }

    /// Makes the tables that answer for us while we do not live; to be called before `commitInterception`.
    ///
    /// A right one that is there is left alone, because it knows the flows under way. It stays when this
    /// process ends, however it ends; only `cleanUp` removes it.
    package func installFallback() -> NetworkReport {
        guard plan.setsUpRules, plan.fallback != nil else { return NetworkReport() }
        wantsFallback = true
        var report = fallback.install()
        hearTables(&report)
        return report
    }

    /// The upstream Service has moved: makes tables that lead to where it is now.
    package func moveFallback(to fallback: FallbackPlan?) -> NetworkReport {
        guard let fallback else { return NetworkReport() }
        plan.fallback = fallback
        self.fallback.follow(fallback)
        return installFallback()
    }

    /// Takes the traffic: from the moment this returns, DNS of our addresses is out of conntrack.
    package func commitInterception() -> NetworkReport {
        guard plan.setsUpRules else { return NetworkReport() }
        wantsInterception = true
        var report = interception.commit()
        hearTables(&report)
        return report
    }

    /// Puts back whatever of the set-up asked for so far is missing or wrong.
    package func reconcile() -> NetworkReport {
        var report = NetworkReport()
        if wantsFallback { report.add(installFallback()) }
        if wantsInterception { report.add(commitInterception()) }
        if wantsLink { report.add(setUpLink()) }
        return report
    }

    // MARK: Taking away

    /// Takes nothing new: our tables let only the TCP connections pass to us that are open, until `tearDown`.
    package func finishInterception() -> NetworkReport {
        wantsInterception = false
        var report = interception.finish()
        hearTables(&report)
        return report
    }

    /// Gives the traffic back: our tables are gone when this returns. The link stays.
    package func withdrawInterception() -> NetworkReport {
        wantsInterception = false
        var report = interception.withdraw()
        hearTables(&report)
        return report
    }

    /// Removes the tables that say we live, then the link, unless another agent on the node uses it. The
    /// fall-back stays.
    package func tearDown() -> NetworkReport {
        var report = withdrawInterception()
        wantsLink = false
        guard plan.setsUpInterface else { return report }
        if isServedByAnother {
            report.changes.append(.leftInterface(plan.interfaceName))
        } else {
            report.add(link.remove())
        }
        return report
    }

    /// Removes everything that any agent ever made on this node, whatever the plan says: for uninstalling.
    ///
    /// What a living agent owns is refused and reported; then the link stays, too.
    package func cleanUp() -> NetworkReport {
        wantsFallback = false
        wantsLink = false
        var report = withdrawInterception()
        report.add(fallback.remove())
        hearTables(&report)
        do {
            let connection = try openFilter()
            report.add(try interception.removeAll(connection))
            if try interception.otherAgentLives(connection) {
                report.changes.append(.leftInterface(plan.interfaceName))
                return report
            }
        } catch {
            report.failures.append(error)
        }
        report.add(link.remove(ofEveryPlan: true))
        return report
    }

    /// Deletes the rules that node-cache left behind: their NOTRACK would switch the fall-back off.
    package func removeForeignRules() -> NetworkReport {
        guard plan.setsUpRules else { return NetworkReport() }
        do {
            return ForeignRules(connection: try openFilter()).remove()
        } catch {
            var report = NetworkReport()
            report.failures.append(error)
            return report
        }
    }

    private func openFilter() throws(NodeNetworkError) -> NetlinkConnection {
        do {
            return NetlinkConnection(try opener.open(NETLINK_NETFILTER, as: .anonymous))
        } catch {
            throw NodeNetworkError(.open, .filterSocket, error)
        }
    }

    /// Whether another agent takes this node's traffic, as the kernel says now. During an upgrade the next agent has
    /// its table before we take our link away.
    package var isServedByAnother: Bool {
        guard plan.setsUpRules else { return false }
        // Where tables cannot be read there are none of ours, so nobody to be seen.
        return (try? interception.otherAgentLives(openFilter())) ?? false
    }

    // MARK: Asking

    /// The families whose DNS traffic is ours, as the kernel said when it was last asked.
    package var interceptedFamilies: Set<IPAddress.Family> { interception.families }

    /// Whether the traffic of every address of the plan is ours.
    package var isIntercepting: Bool {
        !plan.families.isEmpty && interceptedFamilies == Set(plan.families)
    }

    /// Whether the kernel holds the fall-back of our version, as it said when it was last asked.
    package func isFallbackInstalled(_ family: IPAddress.Family) -> Bool {
        fallback.families.contains(family)
    }

    /// Whether another agent holds a fall-back that will want an owner when that agent ends: nothing tells of it, so
    /// call `reconcile` now and then.
    package var awaitsFallback: Bool { wantsFallback && !fallback.heldByAnother.isEmpty }

    // MARK: Listening

    /// Two descriptors for epoll: readable means `drainEvents()` has something to read. They do not
    /// change, and are not to be closed.
    package var descriptors: [CInt] { monitor.descriptors }

    /// Reads every notification that waits, without blocking.
    ///
    /// True means that something of ours may have changed by another's hand: call `reconcile()`.
    package func drainEvents() -> Bool {
        let ports = [route.channel.portID, interception.portID, fallback.portID].compactMap(\.self)
        let own = interception.portID.map(AgentTable.name)
        return monitor.drain(
            ownPorts: Set(ports),
            linkIndex: link.linkIndex,
            tableNames: Set([own, wantsFallback ? FallbackTable.name : nil].compactMap(\.self))
        )
    }

    private func hearTables(_ report: inout NetworkReport) {
        do {
            try monitor.setHearsTables(interception.isVulnerable || fallback.isVulnerable)
        } catch {
            report.failures.append(error)
        }
    }
}
