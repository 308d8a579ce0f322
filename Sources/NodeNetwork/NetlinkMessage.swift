// One netlink message: writing through libmnl, reading by checked subscripts. The kernel is trusted to
// speak the truth, but a length is still checked before it is used. Numbers are in the host's order.

import CNetlink
import Glibc

// MARK: - Reading

/// A message that arrived.
struct NetlinkMessage {
    let type: UInt16
    let flags: UInt16
    let sequence: UInt32
    /// Who caused it; in notifications the port id of the requester, or 0.
    let portID: UInt32
    /// The whole message with its header.
    let bytes: [UInt8]

    static let headerLength = 16

    /// The messages of one datagram; what does not hold together at its end is left out.
    static func messages(in datagram: [UInt8]) -> [NetlinkMessage] {
        var result: [NetlinkMessage] = []
        var start = 0
        while start + headerLength <= datagram.count {
            let length = Int(datagram.hostUInt32(at: start))
            guard length >= headerLength, start + length <= datagram.count else { break }
            result.append(
                NetlinkMessage(
                    type: datagram.hostUInt16(at: start + 4),
                    flags: datagram.hostUInt16(at: start + 6),
                    sequence: datagram.hostUInt32(at: start + 8),
                    portID: datagram.hostUInt32(at: start + 12),
                    bytes: Array(datagram[start..<(start + length)])
                )
            )
            start += aligned(length)
        }
        return result
    }

    /// What follows the header: the fixed header of the message's kind, then attributes.
    var payloadLength: Int { bytes.count - Self.headerLength }

    /// A byte of the payload; the caller has compared `offset` with `payloadLength`.
    func payloadByte(at offset: Int) -> UInt8 { bytes[Self.headerLength + offset] }

    /// A 32-bit number of the payload in the host's order; bounds are the caller's matter.
    func payloadUInt32(at offset: Int) -> UInt32 { bytes.hostUInt32(at: Self.headerLength + offset) }

    /// The value of the first attribute of a type, behind the fixed header of the message's kind.
    func attribute(_ type: some BinaryInteger, after fixedLength: Int) -> [UInt8]? {
        bytes.netlinkAttribute(type, from: Self.headerLength + fixedLength)
    }

    /// The errno of an acknowledgement; nil when this is another kind of message.
    var acknowledgement: Errno? {
        guard type == NLMSG_ERROR, payloadLength >= 4 + Self.headerLength else { return nil }
        let code = -CInt(bitPattern: payloadUInt32(at: 0))
        // Attributes follow the echoed header, and the echoed payload unless it was left away (CAP_ACK).
        let isCapped = flags & UInt16(NLM_F_CAPPED) != 0
        let echoed = isCapped ? Self.headerLength : Int(payloadUInt32(at: 4))
        guard flags & UInt16(NLM_F_ACK_TLVS) != 0,
            let text = attribute(NLMSGERR_ATTR_MSG.rawValue, after: 4 + aligned(echoed))
        else { return Errno(code) }
        return Errno(code, kernelText: text.netlinkText)
    }
}

/// Netlink rounds messages and attributes up to four bytes.
private func aligned(_ length: Int) -> Int { (length + 3) & ~3 }

extension [UInt8] {
    /// A 16-bit number in the host's order.
    func hostUInt16(at index: Int) -> UInt16 {
        (UInt16(self[index]) | UInt16(self[index + 1]) << 8).littleEndian
    }

    /// A 32-bit number in the host's order.
    func hostUInt32(at index: Int) -> UInt32 {
        (0..<4).reduce(UInt32(0)) { $0 | UInt32(self[index + $1]) << (8 * UInt32($1)) }.littleEndian
    }

    /// A 32-bit number in network order, as nf_tables writes its numbers.
    func networkUInt32(at index: Int) -> UInt32 {
        self[index..<(index + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }

    /// The attributes of a row that starts at `start`, until one does not fit.
    func netlinkAttributes(from start: Int) -> [(type: UInt16, value: [UInt8])] {
        var result: [(type: UInt16, value: [UInt8])] = []
        var start = start
        while start + 4 <= count {
            let length = Int(hostUInt16(at: start))
            guard length >= 4, start + length <= count else { break }
            // The two top bits say "nested" and "network order"; they are not part of the type.
            result.append((hostUInt16(at: start + 2) & 0x3fff, Array(self[(start + 4)..<(start + length)])))
            start += aligned(length)
        }
        return result
    }

    /// The value of the row's first attribute of a type.
    func netlinkAttribute(_ type: some BinaryInteger, from start: Int) -> [UInt8]? {
        netlinkAttributes(from: start).first { $0.type == UInt16(type) }?.value
    }

    /// A text attribute without its NUL.
    var netlinkText: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self) }
}

// MARK: - Writing

/// A message under construction, valid inside the closure that got it.
@safe
struct NetlinkMessageWriter {
    /// SAFETY: points into a buffer of `capacity` bytes that outlives the closure.
    let header: UnsafeMutablePointer<nlmsghdr>

    /// The longest message any caller makes: a rule is under 3 KiB, 256 set elements under 16 KiB.
    static let capacity = 32_768

    /// The bytes of a message whose header `begin` has written into the buffer it is handed.
    private static func bytes(
        begin: (UnsafeMutableRawPointer) -> UnsafeMutablePointer<nlmsghdr>?,
        body: (NetlinkMessageWriter) -> Void
    ) -> [UInt8] {
        unsafe withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 16) { buffer in
            // SAFETY: the allocation is 16-aligned and longer than every message (see `capacity`).
            // Cleared, because libnftnl leaves the padding behind texts as it finds it.
            unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
            guard let start = buffer.baseAddress, let header = unsafe begin(start) else { return [] }
            unsafe body(NetlinkMessageWriter(header: header))
            return unsafe [UInt8](buffer.prefix(aligned(Int(header.pointee.nlmsg_len))))
        }
    }

    /// A message of NETLINK_ROUTE.
    static func route(
        _ type: some BinaryInteger,
        flags: CInt,
        sequence: UInt32,
        body: (NetlinkMessageWriter) -> Void
    ) -> [UInt8] {
        unsafe bytes(
            begin: { buffer in
                let header = unsafe mnl_nlmsg_put_header(buffer)
                unsafe header?.pointee.nlmsg_type = UInt16(type)
                unsafe header?.pointee.nlmsg_flags = UInt16(NLM_F_REQUEST | flags)
                unsafe header?.pointee.nlmsg_seq = sequence
                return unsafe header
            },
            body: body
        )
    }

    /// A message of nf_tables, with its nfgenmsg header.
    static func nftables(
        _ type: nf_tables_msg_types,
        family: UInt8,
        flags: CInt,
        sequence: UInt32,
        body: (NetlinkMessageWriter) -> Void
    ) -> [UInt8] {
        unsafe bytes(
            begin: { buffer in
                let type = UInt16(type.rawValue)
                return unsafe nftnl_nlmsg_build_hdr(buffer, type, UInt16(family), UInt16(flags), sequence)
            },
            body: body
        )
    }

    /// The bracket that opens a transaction of nf_tables.
    static func batchBegin(sequence: UInt32) -> [UInt8] {
        unsafe bytes(begin: { unsafe nftnl_batch_begin($0.assumingMemoryBound(to: CChar.self), sequence) }) {
            _ in
        }
    }

    /// The bracket that closes it, and commits.
    static func batchEnd(sequence: UInt32) -> [UInt8] {
        unsafe bytes(begin: { unsafe nftnl_batch_end($0.assumingMemoryBound(to: CChar.self), sequence) }) {
            _ in
        }
    }

    /// Appends the fixed header of the message's kind, a C struct without pointers.
    func put<Header: BitwiseCopyable>(header value: Header) {
        // SAFETY: libmnl reserves and returns the bytes of one `Header`, four-aligned as the structs are.
        guard let place = unsafe mnl_nlmsg_put_extra_header(header, MemoryLayout<Header>.size) else { return }
        unsafe place.storeBytes(of: value, as: Header.self)
    }

    /// Appends an attribute.
    func put(_ type: some BinaryInteger, _ value: [UInt8]) {
        // SAFETY: the array outlives the call; libmnl copies it.
        unsafe value.withUnsafeBytes { unsafe mnl_attr_put(header, UInt16(type), $0.count, $0.baseAddress) }
    }

    /// Appends a text attribute with its NUL.
    func put(_ type: some BinaryInteger, text: String) {
        put(type, Array(text.utf8) + [0])
    }

    /// Appends an attribute that holds the attributes which `body` appends.
    func nest(_ type: some BinaryInteger, body: () -> Void) {
        // SAFETY: the pointer stays inside this message until the nest is closed below.
        let start = unsafe mnl_attr_nest_start(header, UInt16(type))
        body()
        unsafe mnl_attr_nest_end(header, start)
    }
}
