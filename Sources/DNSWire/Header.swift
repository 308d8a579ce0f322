// The flag bits of the header's second word (RFC 1035, 4.1.1; AD and CD: RFC 4035, 3.2).

/// The second 16-bit word of a message's header.
package struct HeaderFlags: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt16
    @inlinable
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let response: UInt16 = 0x8000
    package static let authoritative: UInt16 = 0x0400
    package static let truncated: UInt16 = 0x0200
    package static let recursionDesired: UInt16 = 0x0100
    package static let recursionAvailable: UInt16 = 0x0080
    package static let authenticData: UInt16 = 0x0020
    package static let checkingDisabled: UInt16 = 0x0010
    package static let opcodeMask: UInt16 = 0x7800
    package static let codeMask: UInt16 = 0x000f

    @inlinable
    package func has(_ bit: UInt16) -> Bool { rawValue & bit != 0 }

    @inlinable
    package var opcode: Opcode { Opcode(rawValue: UInt8(rawValue >> 11 & 0xf)) }

    /// The lower four bits of the response code.
    @inlinable
    package var responseCode: ResponseCode { ResponseCode(rawValue: rawValue & Self.codeMask) }
}
