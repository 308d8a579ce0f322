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
    /// Reads an NFT_MSG_NEWTABLE; nil for tables that are nobody's of us.
    init?(_ message: NetlinkMessage) {
        guard message.payloadLength >= NetlinkConnection.nftablesHeaderLength,
            let name = message.nftablesAttribute(NFTA_TABLE_NAME.rawValue)?.netlinkText,
            let portID = Self.portID(inName: name)
        else { return nil }
        switch Int(message.payloadByte(at: 0)) {
        case NFPROTO_IPV4: family = .v4
        case NFPROTO_IPV6: family = .v6
        default: return nil
        }
        let flags = message.nftablesAttribute(NFTA_TABLE_FLAGS.rawValue) ?? []
        self.name = name
        self.portID = portID
        self.hasOwner = flags.count == 4 && flags.networkUInt32(at: 0) & Self.ownerFlag != 0
    }

    /// NFT_TABLE_F_OWNER, Linux 5.12.
    static let ownerFlag: UInt32 = 0x2
}

extension NetlinkConnection {
    /// Every table of an agent, in both families.
    func agentTables() throws(Errno) -> [AgentTable] {
        try dump { sequence in
            NetlinkMessageWriter.nftables(
                NFT_MSG_GETTABLE,
                family: UInt8(NFPROTO_UNSPEC),
                flags: NLM_F_DUMP,
                sequence: sequence
            ) { _ in }
        }
        .compactMap(AgentTable.init)
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
