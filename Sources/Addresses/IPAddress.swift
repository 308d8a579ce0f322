// An IP address of either family as a plain value: parsed strictly, printed as RFC 5952 asks.

/// An IPv4 or IPv6 address, without port and without zone.
package struct IPAddress: Hashable, Sendable {
    /// The address family; the raw value is what `coredns_dns_requests_total{family}` shows.
    package enum Family: UInt8, Sendable, CaseIterable {
        case v4 = 1
        case v6 = 2
    }

    package let family: Family
    /// The first eight bytes of an IPv6 address; zero for IPv4.
    package let high: UInt64
    /// The last eight bytes of an IPv6 address; an IPv4 address in the low 32 bits.
    package let low: UInt64

    package init(v4 address: UInt32) {
        self.family = .v4
        self.high = 0
        self.low = UInt64(address)
    }

    package init(v6High high: UInt64, low: UInt64) {
        self.family = .v6
        self.high = high
        self.low = low
    }

    /// The address in network byte order: 4 or 16 bytes, nothing else is accepted.
    package init?(bytes: [UInt8]) {
        switch bytes.count {
        case 4:
            self.init(v4: bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            let high = bytes[0..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let low = bytes[8..<16].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            self.init(v6High: high, low: low)
        default:
            return nil
        }
    }
}

// MARK: - Questions

extension IPAddress {
    /// In network byte order, 4 or 16 bytes.
    package var bytes: [UInt8] {
        switch family {
        case .v4: (0..<4).map { UInt8(truncatingIfNeeded: low >> (24 - 8 * $0)) }
        case .v6:
            (0..<8).map { UInt8(truncatingIfNeeded: high >> (56 - 8 * $0)) }
                + (0..<8).map { UInt8(truncatingIfNeeded: low >> (56 - 8 * $0)) }
        }
    }

    /// 32 or 128: the prefix length that covers exactly this address.
    package var bitWidth: Int { family == .v4 ? 32 : 128 }

    /// Whether this is 0.0.0.0 or `::`.
    package var isUnspecified: Bool { high == 0 && low == 0 }

    /// Whether this is in 127.0.0.0/8 or is `::1`.
    package var isLoopback: Bool {
        family == .v4 ? low >> 24 == 127 : high == 0 && low == 1
    }

    /// The wildcard address of a family.
    package static func unspecified(_ family: Family) -> IPAddress {
        family == .v4 ? IPAddress(v4: 0) : IPAddress(v6High: 0, low: 0)
    }
}
