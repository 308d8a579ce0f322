// A block of addresses with a common prefix (RFC 4632).

/// An address prefix such as `10.0.0.0/8`.
package struct Subnet: Hashable, Sendable {
    /// The prefix's first address; bits behind the prefix are zero.
    package let address: IPAddress
    package let prefixLength: Int

    /// Reads `address/length`; bits behind the prefix are cleared, as Go's `net.ParseCIDR` does.
    package init?(_ text: some StringProtocol) {
        guard let slash = text.firstIndex(of: "/"), let address = IPAddress(text[..<slash]) else {
            return nil
        }
        let lengthText = text[text.index(after: slash)...]
        guard lengthText.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(lengthText),
            length <= address.bitWidth
        else { return nil }
        self.init(address, prefixLength: length)
    }

    package init(_ address: IPAddress, prefixLength: Int) {
        self.prefixLength = prefixLength
        switch address.family {
        case .v4:
            let mask = prefixLength == 0 ? 0 : ~UInt32(0) << (32 - UInt32(prefixLength))
            self.address = IPAddress(v4: UInt32(truncatingIfNeeded: address.low) & mask)
        case .v6:
            let highBits = min(prefixLength, 64)
            let lowBits = prefixLength - highBits
            let highMask = highBits == 0 ? 0 : ~UInt64(0) << (64 - UInt64(highBits))
            let lowMask = lowBits == 0 ? 0 : ~UInt64(0) << (64 - UInt64(lowBits))
            self.address = IPAddress(v6High: address.high & highMask, low: address.low & lowMask)
        }
    }

    package func contains(_ other: IPAddress) -> Bool {
        other.family == address.family && Subnet(other, prefixLength: prefixLength).address == address
    }
}

extension Subnet: CustomStringConvertible {
    package var description: String { "\(address)/\(prefixLength)" }
}
