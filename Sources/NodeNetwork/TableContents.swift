// What a table holds, in a form in which the wanted and the kernel's version compare equal: chains with
// their place, rules as libnftnl's words for their expressions, set elements as bytes.

import Addresses
import CNetlink
import Glibc

/// The contents of one table.
struct TableContents: Hashable {
    /// Chain name to its rules in order, with hook and priority; a missing chain has no entry.
    var chains: [String: ChainContents] = [:]
    /// Set name to its keys; a missing set has no entry.
    var sets: [String: Set<[UInt8]>] = [:]

    struct ChainContents: Hashable {
        let hook: UInt32
        let priority: Int32
        var rules: [RuleContents] = []
    }

    struct RuleContents: Hashable {
        let expressions: [String]
        /// With nft's TLV around the comment.
        let userData: [UInt8]
    }
}

// MARK: - Wanted

extension TableContents {
    /// What the kernel will hold once the rule set is committed.
    init(of rules: RuleSet) throws(Errno) {
        let compiler = RuleCompiler(rules: rules)
        for set in rules.sets { sets[set.name] = Set(set.elements.map(RuleCompiler.key)) }
        for chain in rules.chains {
            var contents = ChainContents(hook: chain.hook.rawValue, priority: chain.priority)
            for rule in chain.rules {
                let compiled = try compiler.compile(rule, in: chain)
                contents.rules.append(
                    RuleContents(
                        expressions: compiled.expressionTexts(),
                        userData: RuleCompiler.userData(comment: rule.comment)
                    )
                )
            }
            chains[chain.name] = contents
        }
    }
}

// MARK: - Found

extension NetlinkConnection {
    /// nfgenmsg: attributes of nf_tables messages start behind it.
    static let nftablesHeaderLength = MemoryLayout<nfgenmsg>.size

    /// Reads the part of a table that a rule set speaks of, and every rule of its chains.
    func contents(asIn rules: RuleSet) throws(Errno) -> TableContents {
        var contents = TableContents()
        for chain in rules.chains { contents.chains[chain.name] = try chainPlace(chain.name, rules) }
        for (chain, rule) in try self.rules(in: rules) { contents.chains[chain]?.rules.append(rule) }
        for set in rules.sets { contents.sets[set.name] = try elements(of: set.name, rules) }
        return contents
    }

    private func chainPlace(_ name: String, _ rules: RuleSet) throws(Errno) -> TableContents.ChainContents? {
        let chain = try NftChain.named(name, table: rules.name)
        let answers = try absentIsEmpty { () throws(Errno) in
            try request { sequence in
                ask(NFT_MSG_GETCHAIN, rules, flags: 0, sequence) { chain.write(to: $0) }
            }
        }
        guard let answer = answers.first,
            let hook = answer.attribute(NFTA_CHAIN_HOOK.rawValue, after: Self.nftablesHeaderLength),
            let number = hook.netlinkAttribute(NFTA_HOOK_HOOKNUM.rawValue, from: 0), number.count == 4,
            let priority = hook.netlinkAttribute(NFTA_HOOK_PRIORITY.rawValue, from: 0), priority.count == 4
        else { return nil }
        return TableContents.ChainContents(
            hook: number.networkUInt32(at: 0),
            priority: Int32(bitPattern: priority.networkUInt32(at: 0))
        )
    }

    private func rules(
        in rules: RuleSet
    ) throws(Errno) -> [(chain: String, rule: TableContents.RuleContents)] {
        let answers = try absentIsEmpty { () throws(Errno) in
            try dump { sequence in
                ask(NFT_MSG_GETRULE, rules, flags: NLM_F_DUMP, sequence) {
                    $0.put(NFTA_RULE_TABLE.rawValue, text: rules.name)
                }
            }
        }
        let headerLength = Self.nftablesHeaderLength
        var result: [(chain: String, rule: TableContents.RuleContents)] = []
        for answer in answers {
            guard answer.attribute(NFTA_RULE_TABLE.rawValue, after: headerLength)?.netlinkText == rules.name,
                let chain = answer.attribute(NFTA_RULE_CHAIN.rawValue, after: headerLength)
            else { continue }
            let expressions = try NftRule.parsing(answer).expressionTexts()
            let userData = answer.attribute(NFTA_RULE_USERDATA.rawValue, after: headerLength) ?? []
            result.append((chain.netlinkText, .init(expressions: expressions, userData: userData)))
        }
        return result
    }

    private func elements(of name: String, _ rules: RuleSet) throws(Errno) -> Set<[UInt8]>? {
        let set = try NftSet.named(name, table: rules.name)
        do {
            let answers = try dump { sequence in
                ask(NFT_MSG_GETSETELEM, rules, flags: NLM_F_DUMP, sequence) { set.writeElements(to: $0) }
            }
            let lists = answers.compactMap {
                $0.attribute(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue, after: Self.nftablesHeaderLength)
            }
            return Set(
                lists.flatMap { $0.netlinkAttributes(from: 0) }.compactMap { element in
                    element.value.netlinkAttribute(NFTA_SET_ELEM_KEY.rawValue, from: 0)?
                        .netlinkAttribute(NFTA_DATA_VALUE.rawValue, from: 0)
                }
            )
        } catch {
            guard error.code == ENOENT else { throw error }
            return nil
        }
    }

    private func ask(
        _ type: nf_tables_msg_types,
        _ rules: RuleSet,
        flags: CInt,
        _ sequence: UInt32,
        body: (NetlinkMessageWriter) -> Void
    ) -> [UInt8] {
        let family = RuleCompiler(rules: rules).family
        return NetlinkMessageWriter.nftables(
            type,
            family: family,
            flags: flags,
            sequence: sequence,
            body: body
        )
    }

    /// "No such thing" as an empty answer; any other refusal is one.
    private func absentIsEmpty(
        _ body: () throws(Errno) -> [NetlinkMessage]
    ) throws(Errno) -> [NetlinkMessage] {
        do {
            return try body()
        } catch {
            guard error.code == ENOENT else { throw error }
            return []
        }
    }
}
