// One transaction of nf_tables: begin, objects, end; then one acknowledgement for every object. The
// kernel takes all of it or nothing, and says of each refused message why.

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
    mutating func deleteTable(_ name: String, family: UInt8, title: String) throws(NodeNetworkError) {
        let object = NodeNetworkError.Object.table(title)
        do {
            let table = try NftTable.named(name, family: family)
            append(NFT_MSG_DELTABLE, family, 0, .delete, object) { table.write(to: $0) }
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
            let table = try NftTable.named(rules.name, family: family, flags: flags)
            append(NFT_MSG_NEWTABLE, family, NLM_F_CREATE | NLM_F_EXCL, .add, object) { table.write(to: $0) }
            for set in rules.sets {
                object = .set("\(rules.title) \(set.name)")
                try add(set, compiler, object)
            }
            for chain in rules.chains {
                object = .chain("\(rules.title) \(chain.name)")
                let made = try NftChain.base(
                    chain.name,
                    table: rules.name,
                    hook: chain.hook.rawValue,
                    priority: chain.priority
                )
                append(NFT_MSG_NEWCHAIN, family, NLM_F_CREATE, .add, object) { made.write(to: $0) }
            }
            for chain in rules.chains {
                for rule in chain.rules {
                    object = .rule("\(rules.title) \(chain.name) \(rule.text(rules.family))")
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
            keyLength: compiler.keyLength(of: set)
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
