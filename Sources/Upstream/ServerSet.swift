// A set of the servers of one group, by their place in the file: two bytes, so that every question can
// carry its own.

/// A set of server numbers from 0 to 14.
package struct ServerSet: Sendable, Hashable {
    private var bits: UInt16

    /// CoreDNS takes 1 to 15 upstreams in a `forward` line.
    package static let capacity = 15

    /// The empty set.
    package static let none = ServerSet(bits: 0)

    /// The first `count` servers.
    package static func first(_ count: Int) -> ServerSet {
        ServerSet(bits: UInt16(truncatingIfNeeded: 1 << min(count, capacity) - 1))
    }

    private init(bits: UInt16) { self.bits = bits }
}

// MARK: - Questions

extension ServerSet {
    package var isEmpty: Bool { bits == 0 }

    /// How many members there are.
    package var count: Int { bits.nonzeroBitCount }

    /// The lowest number; nil when there is none.
    package var lowest: Int? { isEmpty ? nil : bits.trailingZeroBitCount }

    /// Whether the server is a member.
    package func contains(_ server: Int) -> Bool { bits & 1 << UInt16(server) != 0 }

    /// The lowest number that is not below `start`, else the lowest of all.
    package func first(from start: Int) -> Int? {
        ServerSet(bits: bits & UInt16.max << UInt16(start)).lowest ?? lowest
    }

    /// The member that `random` hits; nil when there is none.
    package func any(_ random: UInt64) -> Int? {
        guard !isEmpty else { return nil }
        var rest = bits
        for _ in 0..<(random % UInt64(count)) { rest &= rest - 1 }
        return rest.trailingZeroBitCount
    }

    /// Of two members that `random` hits the one with the lower value; they may be the same, so that of two
    /// servers the slower one is still asked now and then.
    package func faster(by values: SIMD16<UInt32>, _ random: UInt64) -> Int? {
        guard let one = any(random), let other = any(random >> 8) else { return nil }
        return values[other] < values[one] ? other : one
    }

    /// Members of both sets.
    package func intersection(_ other: ServerSet) -> ServerSet { ServerSet(bits: bits & other.bits) }

    /// Members that are not in `other`.
    package func subtracting(_ other: ServerSet) -> ServerSet { ServerSet(bits: bits & ~other.bits) }
}

// MARK: - Changes

extension ServerSet {
    /// Makes the server a member.
    package mutating func insert(_ server: Int) { bits |= 1 << UInt16(server) }

    /// Makes the server no member.
    package mutating func remove(_ server: Int) { bits &= ~(1 << UInt16(server)) }
}
