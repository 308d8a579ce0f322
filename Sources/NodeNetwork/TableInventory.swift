// Which tables of agents exist on this node, and whether their agents live. A table's name carries the
// port id of the netlink socket that its agent keeps open for as long as it wants the table:
// `nodelocaldns-` and eight hexadecimal digits. Port ids are unique in a network namespace, the same
// space in which tables live, so "is it alive?" is one bind(2): taken means alive. A process id would
// not do, since every agent is process 1 of its container.

import Addresses
import CNetlink
import Glibc

/// A table that an agent made: ours, another's, or one that was left behind.
struct AgentTable: Hashable {
    let family: IPAddress.Family
    let name: String
    let portID: UInt32
    /// Whether the kernel deletes it with its owner; such a table is never left behind.
    let hasOwner: Bool

    static let namePrefix = "nodelocaldns-"

    /// The name of the table of the agent whose socket has this port id.
    static func name(portID: UInt32) -> String {
        let digits = String(portID, radix: 16)
        return namePrefix + String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// The port id in a table's name; nil when no agent named it.
    static func portID(inName name: String) -> UInt32? {
        guard name.hasPrefix(namePrefix), let number = UInt32(name.dropFirst(namePrefix.count), radix: 16),
            Self.name(portID: number) == name
        else { return nil }
        return number
    }

    /// A port id for a new agent: above every process id (2^22), where sockets get theirs by default.
    static func randomPortID() -> UInt32 {
        UInt32.random(in: 0x4000_0000...0x7fff_ffff)
    }
}

extension AgentTable {
    /// Nil for tables that are nobody's of us.
    init?(_ table: ListedTable) {
        guard let portID = Self.portID(inName: table.name) else { return nil }
        self.init(family: table.family, name: table.name, portID: portID, hasOwner: table.hasOwner)
    }
}

/// Any table, as the kernel lists it.
struct ListedTable: Hashable {
    let family: IPAddress.Family
    let name: String
    let flags: UInt32
    let comment: String?

    /// NFT_TABLE_F_OWNER, Linux 5.12.
    static let ownerFlag: UInt32 = 0x2
    /// NFT_TABLE_F_PERSIST, Linux 6.9: stays when its owner goes, and may then be adopted.
    static let persistFlag: UInt32 = 0x4

    /// Whether somebody's socket holds it.
    var hasOwner: Bool { flags & Self.ownerFlag != 0 }
    /// Whether it waits for a new owner.
    var isOrphan: Bool { !hasOwner && flags & Self.persistFlag != 0 }

    /// Reads an NFT_MSG_NEWTABLE; nil for other families than ours.
    init?(_ message: NetlinkMessage) {
        guard message.payloadLength >= NetlinkConnection.nftablesHeaderLength,
            let name = message.nftablesAttribute(NFTA_TABLE_NAME.rawValue)?.netlinkText,
            let family = IPAddress.Family.allCases.first(where: {
                $0.netfilterNumber == message.payloadByte(at: 0)
            })
        else { return nil }
        let flags = message.nftablesAttribute(NFTA_TABLE_FLAGS.rawValue) ?? []
        self.family = family
        self.name = name
        self.flags = flags.count == 4 ? flags.networkUInt32(at: 0) : 0
        comment = message.nftablesAttribute(NFTA_TABLE_USERDATA.rawValue)
            .flatMap(RuleCompiler.comment(inUserData:))
    }
}

extension NetlinkConnection {
    /// Every table of both families.
    func tables() throws(NodeNetworkError) -> [ListedTable] {
        do {
            return try dump { sequence in
                NetlinkMessageWriter.nftables(
                    NFT_MSG_GETTABLE,
                    family: UInt8(NFPROTO_UNSPEC),
                    flags: NLM_F_DUMP,
                    sequence: sequence
                ) { _ in }
            }
            .compactMap(ListedTable.init)
        } catch {
            throw NodeNetworkError(.read, .tables, error)
        }
    }
}

extension NetlinkOpener {
    /// Whether an agent still wants the table; when in doubt, yes.
    func isAlive(_ table: AgentTable) -> Bool {
        if table.hasOwner { return true }
        do {
            // Bound, and closed again at once: nobody has the port id.
            _ = try open(NETLINK_NETFILTER, as: .port(table.portID))
            return false
        } catch {
            return true
        }
    }
}
