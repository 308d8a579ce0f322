// One transaction of nf_tables: begin, objects, end; then one acknowledgement for every object. The
// kernel takes all of it or nothing, and says of each refused message why.

import Addresses
import CNetlink
import Glibc

/// A transaction under construction; committing ends it.
struct NftBatch: ~Copyable {
    private let connection: NetlinkConnection
    private var bytes: [UInt8]
    /// What each message is about, in the order of sequence numbers; the first is the transaction's own.
    private var subjects:
        [(sequence: UInt32, action: NodeNetworkError.Action, object: NodeNetworkError.Object)]

    /// Elements of one message: their nest must stay under the 64 KiB an attribute can hold.
    private static let elementsPerMessage = 256

    init(on connection: NetlinkConnection) {
        self.connection = connection
        let sequence = connection.nextSequence()
        bytes = NetlinkMessageWriter.batchBegin(sequence: sequence)
        subjects = [(sequence, .change, .transaction)]
    }

    // MARK: Filling

    /// Deletes a table with everything in it.
    mutating func deleteTable(_ name: String, family: IPAddress.Family) throws(NodeNetworkError) {
        let object = NodeNetworkError.Object.table(RuleSet.title(family, name))
        do {
            let table = try NftTable.named(name, family: family.netfilterNumber)
            append(NFT_MSG_DELTABLE, family.netfilterNumber, 0, .delete, object) { table.write(to: $0) }
        } catch {
            throw NodeNetworkError(.delete, object, error)
        }
    }

    /// Makes a table without an owner ours; nothing in it changes.
    mutating func adoptTable(
        _ name: String,
        family: IPAddress.Family,
        flags: UInt32
    ) throws(NodeNetworkError) {
        let object = NodeNetworkError.Object.table(RuleSet.title(family, name))
        do {
            let table = try NftTable.named(name, family: family.netfilterNumber, flags: flags)
            append(NFT_MSG_NEWTABLE, family.netfilterNumber, 0, .change, object) { table.write(to: $0) }
        } catch {
            throw NodeNetworkError(.change, object, error)
        }
    }

    /// Deletes one rule of somebody's table.
    mutating func delete(_ foreign: ForeignRule) throws(NodeNetworkError) {
        let object = NodeNetworkError.Object.rule("\(foreign.place) \(foreign.comment)")
        do {
            let family = foreign.family.netfilterNumber
            let rule = try NftRule.numbered(
                foreign.handle,
                chain: foreign.chain,
                table: foreign.table,
                family: family
            )
            append(NFT_MSG_DELRULE, family, 0, .delete, object) { rule.write(to: $0) }
        } catch {
            throw NodeNetworkError(.delete, object, error)
        }
    }

    /// Makes a table with everything in it; refused when one of that name exists.
    mutating func add(_ rules: RuleSet, flags: UInt32) throws(NodeNetworkError) {
        let compiler = RuleCompiler(rules: rules)
        let family = compiler.family
        var object = NodeNetworkError.Object.table(rules.title)
        do {
            var table = try NftTable.named(rules.name, family: family, flags: flags)
            if let comment = rules.comment {
                try table.set(userData: RuleCompiler.userData(comment: comment))
            }
            append(NFT_MSG_NEWTABLE, family, NLM_F_CREATE | NLM_F_EXCL, .add, object) { table.write(to: $0) }
            for set in rules.sets {
                object = rules.object(of: set)
                try add(set, compiler, object)
            }
            for chain in rules.chains {
                object = rules.object(of: chain)
                let made = try NftChain.new(chain, table: rules.name)
                append(NFT_MSG_NEWCHAIN, family, NLM_F_CREATE, .add, object) { made.write(to: $0) }
            }
            for chain in rules.chains {
                for rule in chain.rules {
                    object = rules.object(of: rule, in: chain)
                    let made = try compiler.compile(rule, in: chain)
                    append(NFT_MSG_NEWRULE, family, NLM_F_CREATE | NLM_F_APPEND, .add, object) {
                        made.write(to: $0)
                    }
                }
            }
        } catch {
            throw NodeNetworkError(.add, object, error)
        }
    }

    private mutating func add(
        _ set: NamedSet,
        _ compiler: RuleCompiler,
        _ object: NodeNetworkError.Object
    ) throws(Errno) {
        let made = try NftSet.new(
            set.name,
            table: compiler.rules.name,
            family: compiler.family,
            identifier: compiler.identifier(ofSet: set.name),
            keyType: compiler.keyType(of: set),
            keyLength: compiler.keyLength(of: set),
            timeout: set.timeout
        )
        append(NFT_MSG_NEWSET, compiler.family, NLM_F_CREATE, .add, object) { made.write(to: $0) }
        for start in stride(from: 0, to: set.elements.count, by: Self.elementsPerMessage) {
            var part = try NftSet.named(set.name, table: compiler.rules.name)
            for element in set.elements[start...].prefix(Self.elementsPerMessage) {
                try part.add(element: RuleCompiler.key(element))
            }
            append(NFT_MSG_NEWSETELEM, compiler.family, NLM_F_CREATE, .add, object) {
                part.writeElements(to: $0)
            }
        }
    }

    private mutating func append(
        _ type: nf_tables_msg_types,
        _ family: UInt8,
        _ flags: CInt,
        _ action: NodeNetworkError.Action,
        _ object: NodeNetworkError.Object,
        body: (NetlinkMessageWriter) -> Void
    ) {
        let sequence = connection.nextSequence()
        subjects.append((sequence, action, object))
        bytes += NetlinkMessageWriter.nftables(
            type,
            family: family,
            flags: flags | NLM_F_ACK,
            sequence: sequence,
            body: body
        )
    }

    // MARK: Committing

    /// Hands the transaction to the kernel; on an error nothing of it has happened.
    consuming func commit() throws(NodeNetworkError) {
        bytes += NetlinkMessageWriter.batchEnd(sequence: connection.nextSequence())
        let answers: [NetlinkMessage]
        do {
            answers = try connection.exchange(bytes)
        } catch {
            throw NodeNetworkError(.change, .transaction, error)
        }
        var acknowledged = 0
        for subject in subjects {
            guard let answer = answers.first(where: { $0.sequence == subject.sequence })?.acknowledgement
            else {
                continue
            }
            guard answer.code == 0 else { throw NodeNetworkError(subject.action, subject.object, answer) }
            acknowledged += 1
        }
        // Every object was asked for an acknowledgement; the bracket itself gets none.
        guard acknowledged == subjects.count - 1 else {
            throw NodeNetworkError(.change, .transaction, Errno(EPROTO))
        }
    }
}

extension NftChain {
    /// A chain to be made.
    fileprivate static func new(_ chain: Chain, table: String) throws(Errno) -> NftChain {
        guard let base = chain.base else { return try named(chain.name, table: table) }
        return try self.base(
            chain.name,
            table: table,
            type: base.kind.rawValue,
            hook: base.hook.rawValue,
            priority: base.priority
        )
    }
}
