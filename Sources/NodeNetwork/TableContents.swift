// What the kernel holds of a table, to be compared with what it held right after we committed it. Both
// sides are the kernel's own words, so nothing depends on how a version of it spells an expression.

import Addresses
import CNetlink
import Glibc

/// The contents of one table as the kernel lists them.
struct TableContents: Hashable {
    /// Chain name to where the chain is hooked; no entry for a missing chain.
    var hooks: [String: [UInt8]] = [:]
    /// Chain name to its rules in order.
    var rules: [String: [RuleContents]] = [:]
    /// Set name to its keys; no entry for a missing set.
    var elements: [String: Set<[UInt8]>] = [:]

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
    func contents(asIn rules: RuleSet) throws(Errno) -> TableContents {
        var contents = TableContents()
        for chain in rules.chains {
            contents.hooks[chain.name] = try hook(of: chain.name, rules)
        }
        for answer in try ruleList(rules) {
            let chain = answer.nftablesAttribute(NFTA_RULE_CHAIN.rawValue)
            contents.rules[chain?.netlinkText ?? "", default: []].append(
                TableContents.RuleContents(
                    expressions: answer.nftablesAttribute(NFTA_RULE_EXPRESSIONS.rawValue) ?? [],
                    userData: answer.nftablesAttribute(NFTA_RULE_USERDATA.rawValue) ?? []
                )
            )
        }
        for set in rules.sets {
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
            .first?.nftablesAttribute(NFTA_CHAIN_HOOK.rawValue)
        }
    }

    private func ruleList(_ rules: RuleSet) throws(Errno) -> [NetlinkMessage] {
        let answers = try presence { () throws(Errno) in
            try dump { sequence in
                ask(NFT_MSG_GETRULE, rules, flags: NLM_F_DUMP, sequence) {
                    $0.put(NFTA_RULE_TABLE.rawValue, text: rules.name)
                }
            }
        }
        // Old kernels list the rules of every table.
        return (answers ?? []).filter {
            $0.nftablesAttribute(NFTA_RULE_TABLE.rawValue)?.netlinkText == rules.name
        }
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
