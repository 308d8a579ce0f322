// libnftnl's objects as owned handles: made, freed in `deinit`, given away by `consuming`. Nothing here
// knows what our table looks like.

import CNetlink
import Glibc

/// A table.
@safe
struct NftTable: ~Copyable {
    /// SAFETY: this and the handles below are made in `init`, freed in `deinit`, and never copied out;
    /// libnftnl copies every text and every byte it is given.
    private let handle: OpaquePointer

    private init() throws(Errno) {
        guard let handle = unsafe nftnl_table_alloc() else { throw .noMemory }
        unsafe self.handle = handle
    }

    deinit { unsafe nftnl_table_free(handle) }

    private mutating func set(_ attribute: nftnl_table_attr, text: String) throws(Errno) {
        let status = unsafe nftnl_table_set_str(handle, UInt16(attribute.rawValue), text)
        guard status == 0 else { throw .noMemory }
    }

    private mutating func set(_ attribute: nftnl_table_attr, _ value: UInt32) {
        unsafe nftnl_table_set_u32(handle, UInt16(attribute.rawValue), value)
    }

    /// Bytes of user space that the kernel keeps with the table since Linux 5.10, and ignores before.
    mutating func set(userData: [UInt8]) throws(Errno) {
        let attribute = UInt16(NFTNL_TABLE_USERDATA.rawValue)
        // SAFETY: libnftnl copies the bytes.
        let status = unsafe nftnl_table_set_data(handle, attribute, userData, UInt32(userData.count))
        guard status == 0 else { throw .noMemory }
    }

    /// Without flags it only names a table.
    static func named(_ name: String, family: UInt8, flags: UInt32? = nil) throws(Errno) -> NftTable {
        var table = try NftTable()
        table.set(NFTNL_TABLE_FAMILY, UInt32(family))
        try table.set(NFTNL_TABLE_NAME, text: name)
        if let flags { table.set(NFTNL_TABLE_FLAGS, flags) }
        return table
    }

    func write(to message: NetlinkMessageWriter) {
        unsafe nftnl_table_nlmsg_build_payload(message.header, handle)
    }
}

/// A chain.
@safe
struct NftChain: ~Copyable {
    private let handle: OpaquePointer

    private init() throws(Errno) {
        guard let handle = unsafe nftnl_chain_alloc() else { throw .noMemory }
        unsafe self.handle = handle
    }

    deinit { unsafe nftnl_chain_free(handle) }

    private mutating func set(_ attribute: nftnl_chain_attr, text: String) throws(Errno) {
        let status = unsafe nftnl_chain_set_str(handle, UInt16(attribute.rawValue), text)
        guard status == 0 else { throw .noMemory }
    }

    private mutating func set(_ attribute: nftnl_chain_attr, _ value: UInt32) {
        unsafe nftnl_chain_set_u32(handle, UInt16(attribute.rawValue), value)
    }

    /// A chain's name alone, to ask for it.
    static func named(_ name: String, table: String) throws(Errno) -> NftChain {
        var chain = try NftChain()
        try chain.set(NFTNL_CHAIN_TABLE, text: table)
        try chain.set(NFTNL_CHAIN_NAME, text: name)
        return chain
    }

    /// A base chain with policy accept.
    static func base(
        _ name: String,
        table: String,
        type: String,
        hook: UInt32,
        priority: Int32
    ) throws(Errno) -> NftChain {
        var chain = try named(name, table: table)
        try chain.set(NFTNL_CHAIN_TYPE, text: type)
        chain.set(NFTNL_CHAIN_HOOKNUM, hook)
        chain.set(NFTNL_CHAIN_PRIO, UInt32(bitPattern: priority))
        chain.set(NFTNL_CHAIN_POLICY, UInt32(NF_ACCEPT))
        return chain
    }

    func write(to message: NetlinkMessageWriter) {
        unsafe nftnl_chain_nlmsg_build_payload(message.header, handle)
    }
}

/// A set, with the elements that go along in one message.
@safe
struct NftSet: ~Copyable {
    private let handle: OpaquePointer

    private init() throws(Errno) {
        guard let handle = unsafe nftnl_set_alloc() else { throw .noMemory }
        unsafe self.handle = handle
    }

    deinit { unsafe nftnl_set_free(handle) }

    private mutating func set(_ attribute: nftnl_set_attr, text: String) throws(Errno) {
        let status = unsafe nftnl_set_set_str(handle, UInt16(attribute.rawValue), text)
        guard status == 0 else { throw .noMemory }
    }

    private mutating func set(_ attribute: nftnl_set_attr, _ value: UInt32) {
        unsafe nftnl_set_set_u32(handle, UInt16(attribute.rawValue), value)
    }

    private mutating func set(_ attribute: nftnl_set_attr, _ value: UInt64) {
        unsafe nftnl_set_set_u64(handle, UInt16(attribute.rawValue), value)
    }

    /// A set's name alone, to ask for it or to add elements to it.
    static func named(_ name: String, table: String) throws(Errno) -> NftSet {
        var set = try NftSet()
        try set.set(NFTNL_SET_TABLE, text: table)
        try set.set(NFTNL_SET_NAME, text: name)
        return set
    }

    /// A set to be made; `identifier` is how rules of the same transaction call it. With a time-out,
    /// packets may add elements, which live that long.
    static func new(
        _ name: String,
        table: String,
        family: UInt8,
        identifier: UInt32,
        keyType: UInt32,
        keyLength: UInt32,
        timeout: Duration?
    ) throws(Errno) -> NftSet {
        var set = try named(name, table: table)
        set.set(NFTNL_SET_FAMILY, UInt32(family))
        set.set(NFTNL_SET_ID, identifier)
        let flags = timeout == nil ? 0 : NFT_SET_TIMEOUT.rawValue | NFT_SET_EVAL.rawValue
        set.set(NFTNL_SET_FLAGS, UInt32(flags))
        set.set(NFTNL_SET_KEY_TYPE, keyType)
        set.set(NFTNL_SET_KEY_LEN, keyLength)
        if let timeout { set.set(NFTNL_SET_TIMEOUT, timeout.milliseconds) }
        return set
    }

    mutating func add(element key: [UInt8]) throws(Errno) {
        guard let element = unsafe nftnl_set_elem_alloc() else { throw .noMemory }
        // SAFETY: libnftnl copies the key; the set frees the element once it has it.
        let status = unsafe nftnl_set_elem_set(element, UInt16(NFTNL_SET_ELEM_KEY), key, UInt32(key.count))
        guard status == 0 else {
            unsafe nftnl_set_elem_free(element)
            throw .noMemory
        }
        unsafe nftnl_set_elem_add(handle, element)
    }

    func write(to message: NetlinkMessageWriter) {
        unsafe nftnl_set_nlmsg_build_payload(message.header, handle)
    }

    func writeElements(to message: NetlinkMessageWriter) {
        unsafe nftnl_set_elems_nlmsg_build_payload(message.header, handle)
    }
}

/// A rule.
@safe
struct NftRule: ~Copyable {
    private let handle: OpaquePointer

    private init() throws(Errno) {
        guard let handle = unsafe nftnl_rule_alloc() else { throw .noMemory }
        unsafe self.handle = handle
    }

    deinit { unsafe nftnl_rule_free(handle) }

    private mutating func set(_ attribute: nftnl_rule_attr, text: String) throws(Errno) {
        let status = unsafe nftnl_rule_set_str(handle, UInt16(attribute.rawValue), text)
        guard status == 0 else { throw .noMemory }
    }

    private mutating func set(_ attribute: nftnl_rule_attr, _ value: UInt32) {
        unsafe nftnl_rule_set_u32(handle, UInt16(attribute.rawValue), value)
    }

    /// A rule without expressions.
    static func empty(chain: String, table: String, family: UInt8) throws(Errno) -> NftRule {
        var rule = try NftRule()
        rule.set(NFTNL_RULE_FAMILY, UInt32(family))
        try rule.set(NFTNL_RULE_TABLE, text: table)
        try rule.set(NFTNL_RULE_CHAIN, text: chain)
        return rule
    }

    /// A rule by the number the kernel gave it, to delete it.
    static func numbered(
        _ handle: UInt64,
        chain: String,
        table: String,
        family: UInt8
    ) throws(Errno) -> NftRule {
        let rule = try empty(chain: chain, table: table, family: family)
        unsafe nftnl_rule_set_u64(rule.handle, UInt16(NFTNL_RULE_HANDLE.rawValue), handle)
        return rule
    }

    /// Bytes of user space that the kernel keeps with the rule: nft stores comments there.
    mutating func set(userData: [UInt8]) throws(Errno) {
        let attribute = UInt16(NFTNL_RULE_USERDATA.rawValue)
        // SAFETY: libnftnl copies the bytes.
        let status = unsafe nftnl_rule_set_data(handle, attribute, userData, UInt32(userData.count))
        guard status == 0 else { throw .noMemory }
    }

    mutating func append(_ expression: consuming NftExpression) {
        // SAFETY: the rule frees the expression from now on.
        unsafe nftnl_rule_add_expr(handle, expression.release())
    }

    func write(to message: NetlinkMessageWriter) {
        unsafe nftnl_rule_nlmsg_build_payload(message.header, handle)
    }
}

/// An expression, the smallest step of a rule.
@safe
struct NftExpression: ~Copyable {
    private let handle: OpaquePointer

    /// An expression by its kernel name, such as `payload` or `lookup`.
    init(_ name: String) throws(Errno) {
        guard let handle = unsafe nftnl_expr_alloc(name) else { throw .noMemory }
        unsafe self.handle = handle
    }

    deinit { unsafe nftnl_expr_free(handle) }

    mutating func set(_ attribute: some BinaryInteger, _ value: UInt32) {
        unsafe nftnl_expr_set_u32(handle, UInt16(attribute), value)
    }

    mutating func set(_ attribute: some BinaryInteger, text: String) throws(Errno) {
        let status = unsafe nftnl_expr_set_str(handle, UInt16(attribute), text)
        guard status == 0 else { throw .noMemory }
    }

    mutating func set(_ attribute: some BinaryInteger, _ value: UInt64) {
        unsafe nftnl_expr_set_u64(handle, UInt16(attribute), value)
    }

    mutating func set(_ attribute: some BinaryInteger, _ value: UInt8) {
        unsafe nftnl_expr_set_u8(handle, UInt16(attribute), value)
    }

    mutating func set(_ attribute: some BinaryInteger, bytes: [UInt8]) throws(Errno) {
        // SAFETY: libnftnl copies the bytes.
        let status = unsafe nftnl_expr_set(handle, UInt16(attribute), bytes, UInt32(bytes.count))
        guard status == 0 else { throw .noMemory }
    }

    /// Gives the expression away without freeing it.
    consuming func release() -> OpaquePointer {
        let handle = unsafe self.handle
        discard self
        return unsafe handle
    }
}
