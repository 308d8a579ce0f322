// One function, one expression of the kernel: linux/netfilter/nf_tables.h says what its attributes mean.
// Conditions and actions work on the first register unless they say otherwise.

import Addresses
import CNetlink
import Glibc

extension RuleCompiler {
    private static let first = register(0)
    private static let networkHeader = UInt32(NFT_PAYLOAD_NETWORK_HEADER.rawValue)
    private static let transportHeader = UInt32(NFT_PAYLOAD_TRANSPORT_HEADER.rawValue)

    // MARK: Loading

    /// Loads a part of the packet.
    func load(_ field: Field, into register: UInt32) throws(Errno) -> NftExpression {
        switch field {
        case .sourceAddress, .destinationAddress:
            try payload(Self.networkHeader, offset(field), addressLength, register)
        case .sourcePort: try payload(Self.transportHeader, 0, 2, register)
        case .destinationPort: try payload(Self.transportHeader, 2, 2, register)
        case .transportProtocol: try meta(UInt32(NFT_META_L4PROTO.rawValue), register)
        }
    }

    private var addressLength: UInt32 { rules.family == .v4 ? 4 : 16 }

    /// Where an address starts in the network header (RFC 791, 3.1 and RFC 8200, 3).
    private func offset(_ field: Field) -> UInt32 {
        let source: UInt32 = rules.family == .v4 ? 12 : 8
        return field == .sourceAddress ? source : source + addressLength
    }

    /// Loads TCP's flags (RFC 9293, 3.1).
    func tcpFlags() throws(Errno) -> NftExpression {
        try payload(Self.transportHeader, 13, 1, Self.first)
    }

    private func payload(
        _ base: UInt32,
        _ offset: UInt32,
        _ length: UInt32,
        _ register: UInt32
    ) throws(Errno) -> NftExpression {
        var expression = try NftExpression("payload")
        expression.set(NFTNL_EXPR_PAYLOAD_DREG, register)
        expression.set(NFTNL_EXPR_PAYLOAD_BASE, base)
        expression.set(NFTNL_EXPR_PAYLOAD_OFFSET, offset)
        expression.set(NFTNL_EXPR_PAYLOAD_LEN, length)
        return expression
    }

    private func meta(_ key: UInt32, _ register: UInt32) throws(Errno) -> NftExpression {
        var expression = try NftExpression("meta")
        expression.set(NFTNL_EXPR_META_KEY, key)
        expression.set(NFTNL_EXPR_META_DREG, register)
        return expression
    }

    /// Loads the mark.
    func packetMark() throws(Errno) -> NftExpression {
        try meta(UInt32(NFT_META_MARK.rawValue), Self.first)
    }

    /// Loads what conntrack knows of the packet, of one direction of its flow if the key asks for one.
    func tracking(_ key: nft_ct_keys, originalDirection: Bool = false) throws(Errno) -> NftExpression {
        var expression = try NftExpression("ct")
        expression.set(NFTNL_EXPR_CT_KEY, UInt32(key.rawValue))
        expression.set(NFTNL_EXPR_CT_DREG, Self.first)
        if originalDirection { expression.set(NFTNL_EXPR_CT_DIR, UInt8(0)) }  // IP_CT_DIR_ORIGINAL
        return expression
    }

    /// Loads 1 if the socket that would get the packet is bound to no particular address, else 0; ends the
    /// rule where there is no socket.
    func socketIsWildcard() throws(Errno) -> NftExpression {
        var expression = try NftExpression("socket")
        expression.set(NFTNL_EXPR_SOCKET_KEY, UInt32(NFT_SOCKET_WILDCARD.rawValue))
        expression.set(NFTNL_EXPR_SOCKET_DREG, Self.first)
        return expression
    }

    /// Loads a constant.
    func immediate(_ bytes: [UInt8]) throws(Errno) -> NftExpression {
        var expression = try NftExpression("immediate")
        expression.set(NFTNL_EXPR_IMM_DREG, Self.first)
        try expression.set(NFTNL_EXPR_IMM_DATA, bytes: bytes)
        return expression
    }

    /// Clears all bits but those of the mask.
    func mask(with mask: [UInt8]) throws(Errno) -> NftExpression {
        var expression = try NftExpression("bitwise")
        expression.set(NFTNL_EXPR_BITWISE_SREG, Self.first)
        expression.set(NFTNL_EXPR_BITWISE_DREG, Self.first)
        expression.set(NFTNL_EXPR_BITWISE_LEN, UInt32(mask.count))
        try expression.set(NFTNL_EXPR_BITWISE_MASK, bytes: mask)
        try expression.set(NFTNL_EXPR_BITWISE_XOR, bytes: Array(repeating: 0, count: mask.count))
        return expression
    }

    // MARK: Conditions

    func compare(isEqualTo bytes: [UInt8], negated: Bool = false) throws(Errno) -> NftExpression {
        var expression = try NftExpression("cmp")
        expression.set(NFTNL_EXPR_CMP_SREG, Self.first)
        expression.set(NFTNL_EXPR_CMP_OP, UInt32(negated ? NFT_CMP_NEQ.rawValue : NFT_CMP_EQ.rawValue))
        try expression.set(NFTNL_EXPR_CMP_DATA, bytes: bytes)
        return expression
    }

    func lookup(_ set: String) throws(Errno) -> NftExpression {
        var expression = try NftExpression("lookup")
        expression.set(NFTNL_EXPR_LOOKUP_SREG, Self.first)
        try expression.set(NFTNL_EXPR_LOOKUP_SET, text: set)
        expression.set(NFTNL_EXPR_LOOKUP_SET_ID, identifier(ofSet: set))
        return expression
    }

    // MARK: Actions

    /// Adds what the registers hold to a set, or takes it out.
    func change(_ set: String, _ operation: nft_dynset_ops) throws(Errno) -> NftExpression {
        var expression = try NftExpression("dynset")
        expression.set(NFTNL_EXPR_DYNSET_SREG_KEY, Self.first)
        expression.set(NFTNL_EXPR_DYNSET_OP, UInt32(operation.rawValue))
        try expression.set(NFTNL_EXPR_DYNSET_SET_NAME, text: set)
        expression.set(NFTNL_EXPR_DYNSET_SET_ID, identifier(ofSet: set))
        if operation == NFT_DYNSET_OP_UPDATE,
            let timeout = rules.sets.first(where: { $0.name == set })?.timeout
        {
            expression.set(NFTNL_EXPR_DYNSET_TIMEOUT, timeout.milliseconds)
        }
        return expression
    }

    /// The conntrack zone from the register, for both directions of the flow or for the asking one.
    func setZone(_ originalDirectionOnly: Bool) throws(Errno) -> NftExpression {
        var expression = try NftExpression("ct")
        expression.set(NFTNL_EXPR_CT_KEY, UInt32(NFT_CT_ZONE.rawValue))
        expression.set(NFTNL_EXPR_CT_SREG, Self.first)
        if originalDirectionOnly { expression.set(NFTNL_EXPR_CT_DIR, UInt8(0)) }
        return expression
    }

    /// Writes the register over an address; the kernel mends the checksums of IPv4, TCP and UDP.
    func store(_ field: Field) throws(Errno) -> NftExpression {
        var expression = try NftExpression("payload")
        expression.set(NFTNL_EXPR_PAYLOAD_BASE, Self.networkHeader)
        expression.set(NFTNL_EXPR_PAYLOAD_SREG, Self.first)
        expression.set(NFTNL_EXPR_PAYLOAD_OFFSET, offset(field))
        expression.set(NFTNL_EXPR_PAYLOAD_LEN, addressLength)
        if rules.family == .v4 {
            expression.set(NFTNL_EXPR_PAYLOAD_CSUM_TYPE, UInt32(NFT_PAYLOAD_CSUM_INET.rawValue))
            expression.set(NFTNL_EXPR_PAYLOAD_CSUM_OFFSET, UInt32(10))  // RFC 791, 3.1
        } else {
            expression.set(NFTNL_EXPR_PAYLOAD_CSUM_TYPE, UInt32(NFT_PAYLOAD_CSUM_NONE.rawValue))
        }
        expression.set(NFTNL_EXPR_PAYLOAD_FLAGS, UInt32(NFT_PAYLOAD_L4CSUM_PSEUDOHDR.rawValue))
        return expression
    }

    func masquerade() throws(Errno) -> NftExpression {
        var expression = try NftExpression("masq")
        expression.set(NFTNL_EXPR_MASQ_FLAGS, UInt32(1 << 4))  // NF_NAT_RANGE_PROTO_RANDOM_FULLY
        return expression
    }

    func verdict(_ verdict: CInt, chain: String? = nil) throws(Errno) -> NftExpression {
        var expression = try NftExpression("immediate")
        expression.set(NFTNL_EXPR_IMM_DREG, UInt32(NFT_REG_VERDICT.rawValue))
        expression.set(NFTNL_EXPR_IMM_VERDICT, UInt32(bitPattern: verdict))
        if let chain { try expression.set(NFTNL_EXPR_IMM_CHAIN, text: chain) }
        return expression
    }
}

extension Duration {
    /// As nf_tables counts time.
    var milliseconds: UInt64 {
        UInt64(clamping: components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000)
    }
}
