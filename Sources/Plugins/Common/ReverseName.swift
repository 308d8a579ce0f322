// Addresses written as names (RFC 1035, 3.5; RFC 3596, 2.5).

import Addresses
import DNSWire

enum ReverseName {
    /// The address that a name under in-addr.arpa or ip6.arpa stands for; nil when it is none, or not a whole one.
    static func address(of name: DomainName) -> IPAddress? {
        let labels = name.labels.map { String(decoding: $0, as: UTF8.self) }
        switch labels.suffix(2) {
        case ["in-addr", "arpa"] where labels.count == 6:
            return IPAddress(labels.prefix(4).reversed().joined(separator: "."))
        case ["ip6", "arpa"] where labels.count == 34:
            let digits = labels.prefix(32).reversed().compactMap { label -> UInt8? in
                label.utf8.count == 1 ? UInt8(label, radix: 16) : nil
            }
            guard digits.count == 32 else { return nil }
            return IPAddress(bytes: stride(from: 0, to: 32, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
        default: return nil
        }
    }
}
