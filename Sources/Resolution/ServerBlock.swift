// One server block of the Corefile at run time: what it does with a question. Immutable; a reload makes new
// blocks and hands over the caches of those whose `cache` line did not change.

package import Addresses
package import AnswerCache
package import DNSWire

/// A server block as the packet threads see it.
package final class ServerBlock: Sendable {
    /// Tells the blocks of one configuration apart.
    package let index: Int
    package let cache: ShardedCache?
    package let cacheScope: CacheScope
    /// Tried in order; the first that matches the name is asked.
    package let forwards: [ForwardRoute]
    /// The whole way below the cache, in the order of execution; `forwards` are among them.
    package let links: [SourceLink]
    /// What the packet threads know of upstream; nil where more than one `forward` line could answer a question, and
    /// where a failure is more than a reply: a line of `log`, or something that a plugin changes.
    package let reachability: Reachability?
    /// Some source below the cache tells its clients apart.
    let dependsOnClient: Bool
    /// Looked at before the cache, in order.
    package let gates: [any QueryGate]
    /// Applied to every reply, in order.
    package let filters: [any ReplyFilter]
    /// Get a copy of every message: `dnstap`.
    package let taps: [any MessageTap]
    /// The largest reply over UDP, in octets: `bufsize`.
    package let udpCeiling: Int
    /// Clients of this family go past the cache with questions of type AAAA.
    let familyWithoutIPv6Answers: IPAddress.Family?
    package let logRules: [LogRule]
    /// The block has `errors`: failures are logged.
    package let logsErrors: Bool
    /// The block has `prometheus`: its queries are counted.
    package let isCounted: Bool
    /// The block has `loop`.
    package let detectsLoops: Bool
    /// The rules of `errors { consolidate }`.
    package let consolidations: [ConsolidationRule]
    /// `search_ahead`: after a denial in this block, ask so many questions ahead of clients each second at most.
    package let searchAhead: Int?

    /// What `Plugins` adds to a block.
    package struct Plugins: Sendable {
        package var gates: [any QueryGate] = []
        package var filters: [any ReplyFilter] = []
        package var beforeForward: [any AnswerSource] = []
        package var behindForward: [any AnswerSource] = []
        package var udpCeiling = Limits.ednsUDPSize
        /// Clients of this family get no IPv6 addresses that were made for others: `dns64`.
        package var familyWithoutIPv6Answers: IPAddress.Family?

        package init() {}
    }

    package init(
        index: Int,
        cache: ShardedCache? = nil,
        cacheScope: CacheScope = CacheScope(),
        forwards: [ForwardRoute] = [],
        plugins: Plugins = Plugins(),
        taps: [any MessageTap] = [],
        logRules: [LogRule] = [],
        logsErrors: Bool = false,
        isCounted: Bool = true,
        detectsLoops: Bool = false,
        consolidations: [ConsolidationRule] = [],
        searchAhead: Int? = nil
    ) {
        self.index = index
        self.cache = cache
        self.cacheScope = cacheScope
        self.forwards = forwards
        links =
            plugins.beforeForward.map { .plugin($0) } + forwards.map { .forward($0) }
            + plugins.behindForward.map { .plugin($0) }
        reachability =
            Self.asksOneGroup(links) && logRules.isEmpty && plugins.filters.isEmpty ? Reachability() : nil
        dependsOnClient = (plugins.beforeForward + plugins.behindForward).contains { $0.dependsOnClient }
        gates = plugins.gates
        filters = plugins.filters
        self.taps = taps
        udpCeiling = plugins.udpCeiling
        familyWithoutIPv6Answers = plugins.familyWithoutIPv6Answers
        self.logRules = logRules
        self.logsErrors = logsErrors
        self.isCounted = isCounted
        self.detectsLoops = detectsLoops
        self.consolidations = consolidations
        self.searchAhead = searchAhead
    }

    /// Whether every question goes to the same servers, and to nobody else before or after.
    private static func asksOneGroup(_ links: [SourceLink]) -> Bool {
        guard links.count == 1, case .forward(let route) = links[0] else { return false }
        return route.from == .root && route.except.isEmpty
    }

    /// Whether what upstream says may depend on the transport of the client who asks.
    package var asksAsClient: Bool { forwards.contains(where: \.asksAsClient) }

    /// Whether the cache is for such a question of such a client.
    func usesCache(_ name: DomainName, _ type: RecordType, _ family: IPAddress.Family) -> Bool {
        cacheScope.covers(name) && !(type == .aaaa && family == familyWithoutIPv6Answers)
    }

    /// For whom else an answer to this client's question is: nobody, those of its family, or everybody (nil).
    func audience(_ client: Endpoint?, _ family: IPAddress.Family) -> Endpoint? {
        if dependsOnClient { return client }
        return familyWithoutIPv6Answers == nil ? nil : Endpoint(.unspecified(family), port: 0)
    }

    /// Some plugin answers other classes than IN.
    package var takesOtherClasses: Bool { gates.contains { $0.takesOtherClasses } }

    /// A block without anything that answers refuses, as CoreDNS' does.
    package var answersQueries: Bool {
        cache != nil || !links.isEmpty || !gates.isEmpty || !logRules.isEmpty || logsErrors
    }
}

/// Which names a cache is for.
package struct CacheScope: Sendable, Hashable {
    /// Names outside bypass the cache wholly; nil: all of the block's.
    package var zones: [DomainName]?
    /// Names whose answers are not kept, though their TTLs are treated as if they were.
    package var withoutSuccess: [DomainName] = []
    /// The same for denials.
    package var withoutDenial: [DomainName] = []
    /// Label `zones` of the cache's metrics.
    package var label = ""

    package init() {}

    /// Whether an answer of `kind` to `name` may be kept.
    package func keeps(_ kind: AnswerKind, _ name: DomainName) -> Bool {
        !(kind == .success ? withoutSuccess : withoutDenial).contains { name.isWithin($0) }
    }

    /// Whether the cache sees `name` at all.
    package func covers(_ name: DomainName) -> Bool {
        guard let zones else { return true }
        return zones.contains { name.isWithin($0) }
    }
}

/// One `forward` line: for whom it is.
package struct ForwardRoute: Sendable, Hashable {
    package let from: DomainName
    package let except: [DomainName]
    /// Which exchange to ask; an index into the exchanges that `MissDesk` was given for the block.
    package let exchange: Int
    /// A reply with one of these codes is left to the following `forward` line.
    package let next: Set<ResponseCode>
    /// Neither `force_tcp` nor `prefer_udp`: questions travel as the client's did.
    package let asksAsClient: Bool
    /// How questions travel otherwise; nil where it is decided for each.
    package let transport: Transport?
    /// The line has `max_concurrent`: questions of our own would take the places of clients.
    package let isLimited: Bool

    package init(
        from: DomainName,
        except: [DomainName] = [],
        exchange: Int,
        next: Set<ResponseCode> = [],
        asksAsClient: Bool = true,
        transport: Transport? = nil,
        isLimited: Bool = false
    ) {
        self.asksAsClient = asksAsClient
        self.transport = transport
        self.isLimited = isLimited
        self.from = from
        self.except = except
        self.exchange = exchange
        self.next = next
    }

    /// A name equal to `from` is always taken, whatever `except` says.
    package func takes(_ name: DomainName) -> Bool {
        name == from || name.isWithin(from) && !except.contains { name.isWithin($0) }
    }
}
