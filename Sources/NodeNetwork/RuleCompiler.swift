// A rule value to the kernel's expressions. Registers are numbered as nft(8) does and as the kernel
// prints them back: slots of four bytes, and where a slot begins a 16-byte register, under that name.
// What a single expression looks like is RuleCompiler+Expressions' matter; sets are at the end.

import Addresses
import CNetlink
import Glibc

/// Compiles the values of one table.
struct RuleCompiler {
    let rules: RuleSet

    /// NFPROTO_IPV4 or NFPROTO_IPV6.
    var family: UInt8 { rules.family.netfilterNumber }

    /// A set's number within the transaction: sets are committed in the table's order.
    func identifier(ofSet name: String) -> UInt32 {
        UInt32(rules.sets.firstIndex { $0.name == name } ?? rules.sets.endIndex) + 1
    }

    // MARK: Rules

    func compile(_ rule: Rule, in chain: Chain) throws(Errno) -> NftRule {
        var result = try NftRule.empty(chain: chain.name, table: rules.name, family: family)
        for statement in rule.statements { try append(statement, to: &result) }
        if let comment = rule.comment { try result.set(userData: Self.userData(comment: comment)) }
        return result
    }

    /// nft's form of a comment: type 0 (NFTNL_UDATA_RULE_COMMENT), length with NUL, text, NUL.
    static func userData(comment: String) -> [UInt8] {
        let text = Array(comment.utf8.prefix(127)) + [0]
        return [0, UInt8(text.count)] + text
    }

    /// The comment in such bytes.
    static func comment(inUserData bytes: [UInt8]) -> String? {
        guard bytes.count > 2, bytes[0] == 0 else { return nil }
        return Array(bytes[2...].prefix(Int(bytes[1]))).netlinkText
    }

    private func append(_ statement: Statement, to rule: inout NftRule) throws(Errno) {
        switch statement {
        case .isMember(let fields, let set):
            try load(fields, in: &rule)
            rule.append(try lookup(set))
        case .isEqual(let field, let value):
            rule.append(try load(field, into: Self.register(0)))
            rule.append(try compare(isEqualTo: value.bytes))
        case .tcpFlags(let flags, let wanted):
            rule.append(try load(.transportProtocol, into: Self.register(0)))
            rule.append(try compare(isEqualTo: [UInt8(IPPROTO_TCP)]))
            rule.append(try tcpFlags())
            rule.append(try mask(with: [wanted]))
            rule.append(try compare(isEqualTo: [flags]))
        case .hasMark(let mark):
            rule.append(try packetMark())
            rule.append(try compare(isEqualTo: Self.hostBytes(mark)))
        case .isUntracked: try appendTracking(NFT_CT_STATE, bit: 1 << 6, to: &rule)
        case .isDestinationTranslated: try appendTracking(NFT_CT_STATUS, bit: 1 << 5, to: &rule)
        case .isOriginalZone(let zone):
            rule.append(try tracking(NFT_CT_ZONE, originalDirection: true))
            rule.append(try compare(isEqualTo: Self.hostBytes(zone)))
        case .isReply:
            rule.append(try tracking(NFT_CT_DIRECTION))
            rule.append(try compare(isEqualTo: [1]))  // IP_CT_DIR_REPLY
        case .hasOwnSocket:
            rule.append(try socketIsWildcard())
            rule.append(try compare(isEqualTo: [0]))
        case .setZone(let zone, let originalDirectionOnly):
            rule.append(try immediate(Self.hostBytes(zone)))
            rule.append(try setZone(originalDirectionOnly))
        case .setAddress(let field, let address):
            rule.append(try immediate(address.bytes))
            rule.append(try store(field))
        case .remember(let fields, let set):
            try load(fields, in: &rule)
            rule.append(try change(set, NFT_DYNSET_OP_UPDATE))
        case .forget(let fields, let set):
            try load(fields, in: &rule)
            rule.append(try change(set, NFT_DYNSET_OP_DELETE))
        case .notrack: rule.append(try NftExpression("notrack"))
        case .masquerade: rule.append(try masquerade())
        case .accept: rule.append(try verdict(NF_ACCEPT))
        case .returnToCaller: rule.append(try verdict(NFT_RETURN.rawValue))
        case .go(let chain): rule.append(try verdict(NFT_GOTO.rawValue, chain: chain))
        }
    }

    /// Loads the fields' values side by side, from the first register on.
    private func load(_ fields: [Field], in rule: inout NftRule) throws(Errno) {
        var slot = 0
        for field in fields {
            rule.append(try load(field, into: Self.register(slot)))
            slot += slots(field)
        }
    }

    /// Goes on if a bit of what conntrack knows of the packet is set.
    private func appendTracking(_ key: nft_ct_keys, bit: UInt32, to rule: inout NftRule) throws(Errno) {
        rule.append(try tracking(key))
        rule.append(try mask(with: Self.hostBytes(bit)))
        rule.append(try compare(isEqualTo: [0, 0, 0, 0], negated: true))
    }

    /// The name of the register that starts at a four-byte slot.
    static func register(_ slot: Int) -> UInt32 {
        slot.isMultiple(of: 4)
            ? UInt32(NFT_REG_1.rawValue) + UInt32(slot / 4) : UInt32(NFT_REG32_00.rawValue) + UInt32(slot)
    }

    /// A number as conntrack's registers hold it.
    private static func hostBytes(_ number: some FixedWidthInteger) -> [UInt8] {
        // SAFETY: reads the bytes of a local integer.
        unsafe withUnsafeBytes(of: number) { unsafe Array($0) }
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
            let bytes = value.bytes
            return bytes + Array(repeating: 0, count: (4 - bytes.count % 4) % 4)
        }
    }
}

extension Value {
    /// In network order.
    fileprivate var bytes: [UInt8] {
        switch self {
        case .address(let address): address.bytes
        case .transportProtocol(let number): [number]
        case .port(let port): [UInt8(port >> 8), UInt8(port & 0xff)]
        }
    }
}

extension IPAddress.Family {
    /// NFPROTO_IPV4 or NFPROTO_IPV6.
    var netfilterNumber: UInt8 { UInt8(self == .v4 ? NFPROTO_IPV4 : NFPROTO_IPV6) }
}
