// The numbers of the protocol, each with its source.

/// Sizes that the DNS protocol fixes.
package enum Limits {
    /// Twelve octets: id, flags, four counts (RFC 1035, 4.1.1).
    package static let headerSize = 12
    /// Octets of one label (RFC 1035, 2.3.4).
    package static let labelSize = 63
    /// Octets of a whole name on the wire, root label included (RFC 1035, 2.3.4).
    package static let nameSize = 255
    /// A UDP message without EDNS (RFC 1035, 2.3.4).
    package static let plainUDPSize = 512
    /// The UDP payload we advertise and never exceed: fits every path without fragments
    /// (DNS flag day 2020; RFC 9715 recommends at most 1400).
    package static let ednsUDPSize = 1232
    /// A message over TCP: two length octets (RFC 1035, 4.2.2).
    package static let messageSize = 65_535
    /// An OPT record without options: root name, type, size, flags, length (RFC 6891, 6.1.2).
    package static let optSize = 11
    /// A record's fixed part behind its owner name: type, class, TTL, length (RFC 1035, 3.2.1).
    package static let recordFixedSize = 10
}
