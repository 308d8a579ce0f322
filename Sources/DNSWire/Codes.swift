// The registries of RFC 6895 as open sets: an unknown number is a value like any other.

/// A record type (QTYPE or TYPE).
package struct RecordType: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16
    @inlinable
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let a = RecordType(rawValue: 1)
    package static let ns = RecordType(rawValue: 2)
    package static let cname = RecordType(rawValue: 5)
    package static let soa = RecordType(rawValue: 6)
    package static let ptr = RecordType(rawValue: 12)
    package static let hinfo = RecordType(rawValue: 13)
    package static let mx = RecordType(rawValue: 15)
    package static let txt = RecordType(rawValue: 16)
    package static let aaaa = RecordType(rawValue: 28)
    package static let srv = RecordType(rawValue: 33)
    package static let dname = RecordType(rawValue: 39)
    package static let opt = RecordType(rawValue: 41)
    package static let ds = RecordType(rawValue: 43)
    package static let rrsig = RecordType(rawValue: 46)
    package static let dnskey = RecordType(rawValue: 48)
    package static let https = RecordType(rawValue: 65)
    package static let ixfr = RecordType(rawValue: 251)
    package static let axfr = RecordType(rawValue: 252)
    package static let any = RecordType(rawValue: 255)
}

/// A record class.
package struct RecordClass: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16
    @inlinable
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let internet = RecordClass(rawValue: 1)
    package static let chaos = RecordClass(rawValue: 3)
    package static let any = RecordClass(rawValue: 255)
}

/// An operation code (four bits).
package struct Opcode: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt8
    @inlinable
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let query = Opcode(rawValue: 0)
    package static let notify = Opcode(rawValue: 4)
    package static let update = Opcode(rawValue: 5)
}

/// A response code; the upper eight of its twelve bits live in the OPT record (RFC 6891, 6.1.3).
package struct ResponseCode: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16
    @inlinable
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let noError = ResponseCode(rawValue: 0)
    package static let formatError = ResponseCode(rawValue: 1)
    package static let serverFailure = ResponseCode(rawValue: 2)
    package static let nameError = ResponseCode(rawValue: 3)
    package static let notImplemented = ResponseCode(rawValue: 4)
    package static let refused = ResponseCode(rawValue: 5)
    package static let badVersion = ResponseCode(rawValue: 16)
}

/// An extended DNS error: why an answer is what it is (RFC 8914, 4).
package struct ExtendedError: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16
    @inlinable
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let other = ExtendedError(rawValue: 0)
    package static let staleAnswer = ExtendedError(rawValue: 3)
    package static let cachedError = ExtendedError(rawValue: 13)
    package static let notReady = ExtendedError(rawValue: 14)
    /// "Stale NXDOMAIN Answer".
    package static let staleDenial = ExtendedError(rawValue: 19)
    package static let blocked = ExtendedError(rawValue: 15)
    package static let filtered = ExtendedError(rawValue: 17)
    package static let noReachableAuthority = ExtendedError(rawValue: 22)
    package static let networkError = ExtendedError(rawValue: 23)
}
