// A rule value to the kernel's expressions. Registers are numbered as nft(8) does and as the kernel
// prints them back: slots of four bytes, and where a slot begins a 16-byte register, under that name.

import Addresses
import CNetlink
import Glibc

/// Compiles the values of one table.
struct RuleCompiler {
    let rules: RuleSet

    /// NFPROTO_IPV4 or NFPROTO_IPV6.
    var family: UInt8 { UInt8(rules.family == .v4 ? NFPROTO_IPV4 : NFPROTO_IPV6) }

    /// A set's number within the transaction: sets are committed in the table's order.
    func identifier(ofSet name: String) -> UInt32 {
        UInt32(rules.sets.firstIndex { $0.name == name } ?? rules.sets.endIndex) + 1
    }

    // MARK: Rules

    func compile(_ rule: Rule, in chain: Chain) throws(Errno) -> NftRule {
        var result = try NftRule.empty(chain: chain.name, table: rules.name, family: family)
        for statement in rule.statements {
            switch statement {
            case .isMember(let fields, let set):
                try appendLookup(of: fields, in: set, to: &result)
            case .notrack:
                result.append(try NftExpression("notrack"))
            case .accept:
                var verdict = try NftExpression("immediate")
                verdict.set(NFTNL_EXPR_IMM_DREG, UInt32(NFT_REG_VERDICT.rawValue))
                verdict.set(NFTNL_EXPR_IMM_VERDICT, UInt32(NF_ACCEPT))
                result.append(verdict)
            }
        }
        try result.set(userData: Self.userData(comment: rule.comment))
        return result
    }

    /// nft's form of a comment: type 0 (NFTNL_UDATA_RULE_COMMENT), length with NUL, text, NUL.
    static func userData(comment: String) -> [UInt8] {
        let text = Array(comment.utf8.prefix(127)) + [0]
        return [0, UInt8(text.count)] + text
    }

    private func appendLookup(of fields: [Field], in set: String, to rule: inout NftRule) throws(Errno) {
        var slot = 0
        for field in fields {
            rule.append(try load(field, into: Self.register(slot)))
            slot += slots(field)
        }
        var lookup = try NftExpression("lookup")
        lookup.set(NFTNL_EXPR_LOOKUP_SREG, Self.register(0))
        try lookup.set(NFTNL_EXPR_LOOKUP_SET, text: set)
        lookup.set(NFTNL_EXPR_LOOKUP_SET_ID, identifier(ofSet: set))
        rule.append(lookup)
    }

    private func load(_ field: Field, into register: UInt32) throws(Errno) -> NftExpression {
        let network = UInt32(NFT_PAYLOAD_NETWORK_HEADER.rawValue)
        let transport = UInt32(NFT_PAYLOAD_TRANSPORT_HEADER.rawValue)
        let addressLength: UInt32 = rules.family == .v4 ? 4 : 16
        // RFC 791, 3.1 and RFC 8200, 3: where the source address starts; the destination follows it.
        let sourceOffset: UInt32 = rules.family == .v4 ? 12 : 8
        return switch field {
        case .sourceAddress: try payload(network, sourceOffset, addressLength, register)
        case .destinationAddress:
            try payload(network, sourceOffset + addressLength, addressLength, register)
        case .sourcePort: try payload(transport, 0, 2, register)
        case .destinationPort: try payload(transport, 2, 2, register)
        case .transportProtocol: try meta(UInt32(NFT_META_L4PROTO.rawValue), register)
        }
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

    /// The name of the register that starts at a four-byte slot.
    static func register(_ slot: Int) -> UInt32 {
        slot.isMultiple(of: 4)
            ? UInt32(NFT_REG_1.rawValue) + UInt32(slot / 4) : UInt32(NFT_REG32_00.rawValue) + UInt32(slot)
    }

    // MARK: Sets

    /// How many four-byte slots a field takes, in registers and in set keys.
    private func slots(_ field: Field) -> Int {
        switch field {
        case .sourceAddress, .destinationAddress: rules.family == .v4 ? 1 : 4
        case .transportProtocol, .sourcePort, .destinationPort: 1
        }
    }

    func keyLength(of set: NamedSet) -> UInt32 {
        UInt32(set.fields.reduce(0) { $0 + slots($1) } * 4)
    }

    /// nft's number for the concatenated type, six bits a field; the kernel only keeps it for nft.
    func keyType(of set: NamedSet) -> UInt32 {
        set.fields.reduce(0) { type, field in
            switch field {
            case .sourceAddress, .destinationAddress: type << 6 | (rules.family == .v4 ? 7 : 8)
            case .transportProtocol: type << 6 | 12
            case .sourcePort, .destinationPort: type << 6 | 13
            }
        }
    }

    /// An element's bytes: each value in network order, filled up to whole slots.
    static func key(_ element: [Value]) -> [UInt8] {
        element.flatMap { value in
            let bytes: [UInt8]
            switch value {
            case .address(let address): bytes = address.bytes
            case .transportProtocol(let number): bytes = [number]
            case .port(let port): bytes = [UInt8(port >> 8), UInt8(port & 0xff)]
            }
            return bytes + Array(repeating: 0, count: (4 - bytes.count % 4) % 4)
        }
    }
}
