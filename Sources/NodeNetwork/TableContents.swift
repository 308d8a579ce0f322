// What the kernel holds of a table, to be compared with what it held right after we committed it. Both
// sides are the kernel's own words, so nothing depends on how a version of it spells an expression.

import Addresses
import CNetlink
import Glibc

/// The contents of one table as the kernel lists them.
struct TableContents: Hashable {
    /// Chain name to where the chain is hooked, empty for one that is not; no entry for a missing chain.
    var hooks: [String: [UInt8]] = [:]
    /// Chain name to its rules in order.
    var rules: [String: [RuleContents]] = [:]
    /// Set name to its keys; no entry for a missing set.
    var elements: [String: Set<[UInt8]>] = [:]

    /// Whether it has the shape of a rule set: every chain with as many rules, every set as many elements.
    ///
    /// That is what can be said of a table somebody else committed, perhaps another version of libnftnl.
    func resembles(_ rules: RuleSet) -> Bool {
        rules.chains.allSatisfy {
            hooks[$0.name] != nil && self.rules[$0.name, default: []].count == $0.rules.count
        }
            && rules.sets.allSatisfy { $0.timeout != nil || elements[$0.name]?.count == $0.elements.count }
    }

    /// A rule's expressions and comment, as attributes.
    struct RuleContents: Hashable {
        let expressions: [UInt8]
        let userData: [UInt8]
    }
}

extension NetlinkConnection {
    /// nfgenmsg: attributes of nf_tables messages start behind it.
    static let nftablesHeaderLength = MemoryLayout<nfgenmsg>.size

    /// Reads the chains and sets that a rule set speaks of, and every rule of the table.
    func contents(asIn rules: RuleSet) throws(NodeNetworkError) -> TableContents {
        do {
            return try read(rules)
        } catch {
            throw NodeNetworkError(.read, .table(rules.title), error)
        }
    }

    private func read(_ rules: RuleSet) throws(Errno) -> TableContents {
        var contents = TableContents()
        for chain in rules.chains {
            contents.hooks[chain.name] = try hook(of: chain.name, rules)
        }
        for answer in try ruleList(inTable: rules.name, family: rules.family) {
            let chain = answer.nftablesAttribute(NFTA_RULE_CHAIN.rawValue)
            contents.rules[chain?.netlinkText ?? "", default: []].append(
                TableContents.RuleContents(
                    expressions: answer.nftablesAttribute(NFTA_RULE_EXPRESSIONS.rawValue) ?? [],
                    userData: answer.nftablesAttribute(NFTA_RULE_USERDATA.rawValue) ?? []
                )
            )
        }
        // What packets put into a set is theirs.
        for set in rules.sets where set.timeout == nil {
            contents.elements[set.name] = try keys(of: set.name, rules)
        }
        return contents
    }

    private func hook(of chain: String, _ rules: RuleSet) throws(Errno) -> [UInt8]? {
        let named = try NftChain.named(chain, table: rules.name)
        return try presence { () throws(Errno) in
            try request { sequence in
                ask(NFT_MSG_GETCHAIN, rules, flags: 0, sequence) { named.write(to: $0) }
            }
            .first.map { $0.nftablesAttribute(NFTA_CHAIN_HOOK.rawValue) ?? [] }
        }
    }

    /// The rules of a table, none when there is no such table.
    func ruleList(inTable name: String, family: IPAddress.Family) throws(Errno) -> [NetlinkMessage] {
        let answers = try presence { () throws(Errno) in
            try dump { sequence in
                NetlinkMessageWriter.nftables(
                    NFT_MSG_GETRULE,
                    family: family.netfilterNumber,
                    flags: NLM_F_DUMP,
                    sequence: sequence
                ) { $0.put(NFTA_RULE_TABLE.rawValue, text: name) }
            }
        }
        // Old kernels list the rules of every table.
        return (answers ?? []).filter {
            $0.nftablesAttribute(NFTA_RULE_TABLE.rawValue)?.netlinkText == name
        }
    }

    /// Whether a chain of any table exists.
    func chainExists(_ name: String, inTable table: String, family: IPAddress.Family) throws(Errno) -> Bool {
        let named = try NftChain.named(name, table: table)
        return try presence { () throws(Errno) in
            try request { sequence in
                NetlinkMessageWriter.nftables(
                    NFT_MSG_GETCHAIN,
                    family: family.netfilterNumber,
                    flags: 0,
                    sequence: sequence
                ) { named.write(to: $0) }
            }
            .first
        } != nil
    }

    private func keys(of set: String, _ rules: RuleSet) throws(Errno) -> Set<[UInt8]>? {
        let named = try NftSet.named(set, table: rules.name)
        let answers = try presence { () throws(Errno) in
            try dump { sequence in
                ask(NFT_MSG_GETSETELEM, rules, flags: NLM_F_DUMP, sequence) { named.writeElements(to: $0) }
            }
        }
        guard let answers else { return nil }
        let elements = answers.flatMap {
            $0.nftablesAttribute(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue)?.netlinkAttributes(from: 0) ?? []
        }
        return Set(elements.compactMap { $0.value.netlinkAttribute(NFTA_SET_ELEM_KEY.rawValue, from: 0) })
    }

    private func ask(
        _ type: nf_tables_msg_types,
        _ rules: RuleSet,
        flags: CInt,
        _ sequence: UInt32,
        body: (NetlinkMessageWriter) -> Void
    ) -> [UInt8] {
        NetlinkMessageWriter.nftables(
            type,
            family: RuleCompiler(rules: rules).family,
            flags: flags,
            sequence: sequence,
            body: body
        )
    }

    /// Nil instead of "no such thing"; any other refusal is an error.
    private func presence<Answer>(_ body: () throws(Errno) -> Answer?) throws(Errno) -> Answer? {
        do throws(Errno) {
            return try body()
        } catch {
            guard error.code == ENOENT else { throw error }
            return nil
        }
    }
}

extension NetlinkMessage {
    /// The value of an attribute of an nf_tables message.
    func nftablesAttribute(_ type: some BinaryInteger) -> [UInt8]? {
        attribute(type, after: NetlinkConnection.nftablesHeaderLength)
    }
}
