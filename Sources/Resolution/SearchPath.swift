// What will a pod's resolver ask next? With `ndots:5` it tries a name below every domain of its search list
// before it tries the name itself, one after the other, and waits each time (resolv.conf(5)). This learns the
// lists from what clients do: a denial of NAME.FIRST, and soon after it the same client asks NAME.SECOND.
// A pure state machine with bounded memory: the time is an argument, asking is MissDesk's.
//
// Only misses are seen here, because hits cost nothing to observe and have nothing to gain: what a client
// finds in the cache it does not wait for. So trust also comes from use: names asked ahead that somebody then
// wanted speak for their step, others against it.

import Addresses
import DNSWire
import Timing

/// Search lists as far as clients have shown them.
struct SearchPath {
    /// Every bound with its reason.
    struct Limits: Sendable {
        /// Steps of all lists together: one per namespace on the node, and a few that all share.
        var steps = 256
        /// Last labels known to be asked below a domain: `com`, `org`, namespaces.
        var endings = 1_024
        /// Denials whose next question is awaited; in two halves, the older of which is dropped.
        var denials = 2_048
        /// A resolver asks on at once; this leaves time for a client without CPU.
        var soon = Interval.seconds(2)
        /// Different names that must have taken a step before it is believed.
        var evidence = 2
        /// More than this is not remembered, so that a list that is no longer in use is soon forgotten.
        var mostTrust = 8
        /// Names ahead of one denial: resolvers take at least six domains.
        var longestList = 8
    }

    /// Names below one domain are asked again below `next`.
    private struct Step {
        var next: DomainName
        var types: Set<RecordType>
        var trust: Int
        /// The last name that took the step, without the domain: the same one again proves nothing.
        var lastStem: ArraySlice<UInt8>
        var lastSeen: Instant
    }

    private struct Ending: Hashable {
        let domain: DomainName
        let label: ArraySlice<UInt8>
    }

    private struct Denied: Hashable {
        let client: IPAddress
        let type: RecordType
        /// Look-ups of one client run side by side; those of one name begin alike.
        let firstLabel: ArraySlice<UInt8>
    }

    private let limits: Limits
    private var steps: [DomainName: Step] = [:]
    private var endings: [Ending: Instant] = [:]
    private var denials: [Denied: (name: DomainName, at: Instant)] = [:]
    private var olderDenials: [Denied: (name: DomainName, at: Instant)] = [:]
    private var tokens = 0.0
    private var tokensAt = Instant(nanoseconds: 0)

    init(limits: Limits = Limits()) { self.limits = limits }

    /// Types of addresses: what resolvers complete names for.
    static let types: Set<RecordType> = [.a, .aaaa]
}

// MARK: - Learning

extension SearchPath {
    /// `name` was denied to `client`.
    mutating func denied(_ name: DomainName, _ type: RecordType, to client: IPAddress, at now: Instant) {
        guard Self.types.contains(type), let first = name.labels.first else { return }
        if denials.count >= limits.denials / 2 {
            olderDenials = denials
            denials = [:]
        }
        denials[Denied(client: client, type: type, firstLabel: first)] = (name, now)
    }

    /// `client` asks for `name`, which is not in the cache: perhaps the next name of a search.
    mutating func asked(_ name: DomainName, _ type: RecordType, by client: IPAddress, at now: Instant) {
        guard Self.types.contains(type), let first = name.labels.first else { return }
        let key = Denied(client: client, type: type, firstLabel: first)
        guard let last = denials[key] ?? olderDenials[key] else { return }
        // One denial leads to one question: what follows is another search.
        denials[key] = nil
        olderDenials[key] = nil
        guard now - last.at <= limits.soon, let split = Self.split(last.name, name) else { return }
        learn(split, type, at: now)
    }

    private struct Split {
        /// What both names begin with.
        let stem: ArraySlice<UInt8>
        let lastLabel: ArraySlice<UInt8>
        let first: DomainName
        let second: DomainName
    }

    /// The longest beginning that two names share, and what is behind it.
    ///
    /// Nil when the first one has nothing behind it, for a name that was tried as it is has no place in a list;
    /// and when the second domain is within the first, for so a search begins anew.
    private static func split(_ first: DomainName, _ second: DomainName) -> Split? {
        var end = 0
        var lastLabel = 0
        while end < first.wire.count, first.wire[end] != 0 {
            let next = end + 1 + Int(first.wire[end])
            guard next < second.wire.count, first.wire[end..<next] == second.wire[end..<next] else { break }
            lastLabel = end
            end = next
        }
        guard end > 0, let before = DomainName(wire: Array(first.wire[end...])),
            let after = DomainName(wire: Array(second.wire[end...])), before != .root, !after.isWithin(before)
        else { return nil }
        return Split(
            stem: first.wire[..<end],
            lastLabel: first.wire[(lastLabel + 1)..<end],
            first: before,
            second: after
        )
    }

    private mutating func learn(_ split: Split, _ type: RecordType, at now: Instant) {
        let ending = Ending(domain: split.second, label: split.lastLabel)
        if endings.count >= limits.endings, endings[ending] == nil { Self.forgetOldest(&endings) { $0 } }
        endings[ending] = now
        guard var step = steps[split.first] else {
            if steps.count >= limits.steps { Self.forgetOldest(&steps, \.lastSeen) }
            steps[split.first] = Step(
                next: split.second,
                types: [type],
                trust: 1,
                lastStem: split.stem,
                lastSeen: now
            )
            return
        }
        step.lastSeen = now
        if step.next == split.second {
            step.types.insert(type)
            if step.lastStem != split.stem { step.trust = min(step.trust + 1, limits.mostTrust) }
            step.lastStem = split.stem
        } else if leads(from: step.next, to: split.second) {
            // The names between were found in the cache, where nobody sees them being asked.
        } else if step.trust > 1, !leads(from: split.second, to: step.next) {
            step.trust -= 1
        } else {
            step = Step(next: split.second, types: [type], trust: 1, lastStem: split.stem, lastSeen: now)
        }
        steps[split.first] = step
    }

    /// Whether the steps from `start` on come to `end`.
    private func leads(from start: DomainName, to end: DomainName) -> Bool {
        var domain = start
        for _ in 0..<limits.longestList {
            guard let next = steps[domain]?.next else { return false }
            if next == end { return true }
            domain = next
        }
        return false
    }

    /// Somebody wanted, or nobody wanted, what was asked ahead because of the step that begins at `domain`.
    mutating func judge(_ domain: DomainName, wasUsed: Bool) {
        guard let trust = steps[domain]?.trust else { return }
        steps[domain]?.trust = wasUsed ? min(trust + 1, limits.mostTrust) : max(trust - 1, 1)
    }

    /// Rare and over small tables, so it may look at all of them.
    private static func forgetOldest<Key, Value>(_ table: inout [Key: Value], _ age: (Value) -> Instant) {
        guard let oldest = table.min(by: { age($0.value) < age($1.value) }) else { return }
        table[oldest.key] = nil
    }
}

// MARK: - Looking ahead

extension SearchPath {
    /// A name that will be asked, and the step that says so.
    struct Follower: Equatable {
        let name: DomainName
        let types: [RecordType]
        let step: DomainName
    }

    /// The names that will be asked after a denial of `name`, in order; empty where nothing is known for sure.
    ///
    /// A step counts for names whose last label has been seen to take it: `redis.shop` that was found below
    /// `svc.cluster.local` is not told to the servers of the root.
    func followers(of name: DomainName) -> [Follower] {
        var stemEnd = 0
        var lastLabel = name.wire[0..<0]
        var domain = name
        repeat {
            lastLabel = name.wire[(stemEnd + 1)..<(stemEnd + 1 + Int(name.wire[stemEnd]))]
            stemEnd = lastLabel.endIndex
            guard let parent = domain.parent, parent != .root else { return [] }
            domain = parent
        } while trusted(domain) == nil
        var followers: [Follower] = []
        while followers.count < limits.longestList, let step = trusted(domain),
            endings[Ending(domain: step.next, label: lastLabel)] != nil,
            let next = DomainName(wire: name.wire[..<stemEnd] + step.next.wire)
        {
            let types = step.types.sorted { $0.rawValue < $1.rawValue }
            followers.append(Follower(name: next, types: types, step: domain))
            domain = step.next
        }
        return followers
    }

    private func trusted(_ domain: DomainName) -> Step? {
        guard let step = steps[domain], step.trust >= limits.evidence else { return nil }
        return step
    }

    /// Whether one more question may be asked ahead now, when at most `rate` may be each second.
    mutating func mayAsk(atMost rate: Int, at now: Instant) -> Bool {
        tokens = min(tokens + (now - tokensAt).inSeconds * Double(rate), Double(rate))
        tokensAt = now
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
