// The content of a hosts file (hosts(5)): an address, then its names; a number sign begins a comment.

package import Addresses
package import DNSWire

/// Names and addresses, both ways.
package struct HostsTable: Hashable, Sendable {
    /// In the order of the lines.
    package var addresses: [DomainName: [IPAddress]] = [:]
    package var names: [IPAddress: [DomainName]] = [:]

    /// Adds the lines of a file; what is no address or no name is skipped, as CoreDNS skips it.
    mutating func add(_ text: String, within zones: [DomainName]) {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
            guard let first = words.first, let address = Self.address(String(first)) else { continue }
            for word in words.dropFirst() {
                guard let name = DomainName(word), zones.contains(where: { name.isWithin($0) }) else {
                    continue
                }
                if addresses[name]?.contains(address) != true { addresses[name, default: []].append(address) }
                if names[address]?.contains(name) != true { names[address, default: []].append(name) }
            }
        }
    }

    /// Without the zone of a link-local address.
    static func address(_ text: String) -> IPAddress? { IPAddress(text.prefix { $0 != "%" }) }

    /// Entries as CoreDNS counts them.
    var count: Int {
        addresses.values.reduce(0) { $0 + $1.count } + names.values.reduce(0) { $0 + $1.count }
    }
}
