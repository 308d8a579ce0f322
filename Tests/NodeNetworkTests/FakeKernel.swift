// A kernel for tests: it knows links, addresses and tables by name, answers as Linux does, refuses what
// it is told to refuse, and remembers every datagram it was sent. What is inside a table it takes on
// trust; the real kernel's opinion of that is asked in RealKernelTests.

import Glibc
import NodeNetwork

final class FakeKernel: NetlinkOpener {
    struct FakeLink {
        var index: UInt32
        var isUp = false
        var kind: String?
        /// Address bytes to IFA_PROTO.
        var addresses: [[UInt8]: UInt8] = [:]
    }

    struct FakeTable: Hashable {
        let family: UInt8
        let name: String
    }

    var links: [String: FakeLink] = ["lo": FakeLink(index: 1, isUp: true)]
    /// Table to its flags.
    var tables: [FakeTable: UInt32] = [:]
    /// Whether somebody changed the rules of every table since.
    var rulesAreForeign = false
    /// Message type to the errno with which it is refused; for nf_tables the low byte and 0xa00.
    var refusals: [UInt16: CInt] = [:]
    /// Refuses tables with the owner flag, as a kernel before 5.12.
    var knowsOwners = true
    /// Refuses tables that outlive their owner, as a kernel before 6.9.
    var knowsPersistence = true
    /// Keeps comments of tables, as a kernel since 5.10.
    var keepsComments = true
    /// Table to its NFTA_TABLE_USERDATA.
    var comments: [FakeTable: [UInt8]] = [:]
    /// Refuses messages of a transaction in which a word occurs: a set, a chain, an expression.
    var refusedWords: [String: CInt] = [:]
    /// Port ids of other processes' sockets.
    var foreignPorts: Set<UInt32> = []
    /// Every datagram sent, in order.
    var datagrams: [[UInt8]] = []
    /// The identities sockets were opened with, in order.
    var identities: [NetlinkIdentity] = []
    fileprivate(set) var sockets: [WeakSocket] = []

    struct WeakSocket {
        weak var socket: FakeSocket?
    }

    /// The port id given to an owner, whichever it asked for: so that bytes repeat.
    static let ownerPort: UInt32 = 0x6b0f_3a51

    func open(_ netlinkProtocol: CInt, as identity: NetlinkIdentity) throws(Errno) -> any NetlinkChannel {
        identities.append(identity)
        let port: UInt32
        switch identity {
        case .anonymous: port = 100 + UInt32(sockets.count)
        case .port(let wanted): port = wanted
        case .owner: port = Self.ownerPort
        }
        guard !foreignPorts.contains(port) else { throw Errno(EADDRINUSE) }
        let socket = FakeSocket(self, portID: port, netlinkProtocol)
        sockets.append(WeakSocket(socket: socket))
        return socket
    }

    /// Puts a notification into every socket that listens to a group.
    func notify(group: UInt32, _ netlinkProtocol: CInt, _ datagram: [UInt8]?) {
        for case let socket? in sockets.map(\.socket)
        where socket.netlinkProtocol == netlinkProtocol && socket.groups.contains(group) {
            socket.waiting.append(datagram)
        }
    }
}

final class FakeSocket: NetlinkChannel {
    private unowned let kernel: FakeKernel
    let portID: UInt32
    let netlinkProtocol: CInt
    var groups: Set<UInt32> = []
    /// A nil stands for notifications that were lost (ENOBUFS).
    var waiting: [[UInt8]?] = []

    init(_ kernel: FakeKernel, portID: UInt32, _ netlinkProtocol: CInt) {
        self.kernel = kernel
        self.portID = portID
        self.netlinkProtocol = netlinkProtocol
    }

    deinit {
        // Closing an owner deletes what it owns.
        guard portID == FakeKernel.ownerPort else { return }
        kernel.tables = kernel.tables.filter { table, flags in
            flags & 2 == 0 || !table.name.hasSuffix(String(FakeKernel.ownerPort, radix: 16))
        }
    }

    var descriptor: CInt { CInt(portID) }

    func setMembership(_ isMember: Bool, ofGroup group: UInt32) throws(Errno) {
        if isMember { groups.insert(group) } else { groups.remove(group) }
    }

    func receive() throws(Errno) -> [UInt8]? {
        guard !waiting.isEmpty else { return nil }
        guard let datagram = waiting.removeFirst() else { throw Errno(ENOBUFS) }
        return datagram
    }

    func send(_ datagram: [UInt8]) throws(Errno) {
        kernel.datagrams.append(datagram)
        let requests = FakeMessage.messages(in: datagram)
        // On NETLINK_NETFILTER (12) type 0x10 is NFNL_MSG_BATCH_BEGIN; on NETLINK_ROUTE it is RTM_NEWLINK.
        if netlinkProtocol == 12, requests.first?.type == 0x10 {
            transact(requests)
        } else {
            for request in requests { answer(request) }
        }
    }

    // MARK: Transactions

    private func transact(_ requests: [FakeMessage]) {
        if let refusal = kernel.refusals[0x10] { return acknowledge(requests[0], refusal) }
        let before = kernel.tables
        var failed = false
        for request in requests.dropFirst().dropLast() {
            let code = kernel.refusals[request.type] ?? refusal(ofWordsIn: request) ?? perform(request)
            failed = failed || code != 0
            acknowledge(request, code)
        }
        if failed { kernel.tables = before } else { kernel.rulesAreForeign = false }
    }

    private func refusal(ofWordsIn request: FakeMessage) -> CInt? {
        guard request.type != 0xa00 else { return nil }  // a table's comment tells of them
        return kernel.refusedWords.first { word, _ in request.bytes.contains(Array(word.utf8)) }?.value
    }

    private func perform(_ request: FakeMessage) -> CInt {
        let table = FakeKernel.FakeTable(family: request.bytes[16], name: request.text(1, from: 20) ?? "")
        switch request.type {
        case 0xa00:  // NFT_MSG_NEWTABLE
            let flags = request.attribute(2, from: 20).map { UInt32($0[3]) } ?? 0
            if flags & 2 != 0, !kernel.knowsOwners { return EINVAL }
            if flags & 4 != 0, !kernel.knowsPersistence { return EOPNOTSUPP }
            if kernel.tables[table] != nil { return EEXIST }
            kernel.tables[table] = flags
            kernel.comments[table] = kernel.keepsComments ? request.attribute(6, from: 20) : nil
        case 0xa02:  // NFT_MSG_DELTABLE
            guard kernel.tables.removeValue(forKey: table) != nil else { return ENOENT }
        default:
            break
        }
        return 0
    }

    // MARK: Requests

    private func answer(_ request: FakeMessage) {
        if let refusal = kernel.refusals[request.type] { return acknowledge(request, refusal) }
        switch request.type {
        case 18:  // RTM_GETLINK
            guard let name = request.text(3, from: 32), let link = kernel.links[name] else {
                return acknowledge(request, ENODEV)
            }
            waiting.append(linkMessage(name, link, sequence: request.sequence))
        case 16:  // RTM_NEWLINK
            if let name = request.text(3, from: 32) {
                kernel.links[name] = .init(index: UInt32(kernel.links.count + 1), kind: "dummy")
            } else if request.uint32(at: 24) == 1, let name = linkName(request) {
                kernel.links[name]?.isUp = true
            }
            acknowledge(request, 0)
        case 17:  // RTM_DELLINK
            if let name = linkName(request) { kernel.links[name] = nil }
            acknowledge(request, 0)
        case 20, 21:  // RTM_NEWADDR, RTM_DELADDR
            if let name = linkName(request), let address = request.attribute(2, from: 24) {
                let origin = request.attribute(11, from: 24)?.first ?? 0
                kernel.links[name]?.addresses[address] = request.type == 20 ? origin : nil
            }
            acknowledge(request, 0)
        case 22:  // RTM_GETADDR
            for (_, link) in kernel.links {
                for (address, origin) in link.addresses {
                    waiting.append(addressMessage(address, origin, link.index, sequence: request.sequence))
                }
            }
            done(request)
        case 0xa01:  // NFT_MSG_GETTABLE
            for (table, flags) in kernel.tables {
                let payload: [UInt8] =
                    [table.family, 0, 0, 0] + FakeMessage.attribute(1, Array(table.name.utf8) + [0])
                    + FakeMessage.attribute(2, [0, 0, 0, UInt8(flags)])
                    + (kernel.comments[table].map { FakeMessage.attribute(6, $0) } ?? [])
                waiting.append(FakeMessage.bytes(0xa00, sequence: request.sequence, payload))
            }
            done(request)
        case 0xa07:  // NFT_MSG_GETRULE
            if !kernel.rulesAreForeign, let name = request.text(1, from: 20) {
                for chain in ["prerouting", "output", "output"] {
                    let payload: [UInt8] =
                        [request.bytes[16], 0, 0, 0] + FakeMessage.attribute(1, Array(name.utf8) + [0])
                        + FakeMessage.attribute(2, Array(chain.utf8) + [0])
                    waiting.append(FakeMessage.bytes(0xa06, sequence: request.sequence, payload))
                }
            }
            done(request)
        default:
            acknowledge(request, ENOENT)
        }
    }

    private func linkName(_ request: FakeMessage) -> String? {
        kernel.links.first { $0.value.index == request.uint32(at: 20) }?.key
    }

    private func acknowledge(_ request: FakeMessage, _ code: CInt) {
        let payload = FakeMessage.host(UInt32(bitPattern: -code)) + request.bytes[..<16]
        waiting.append(FakeMessage.bytes(2, sequence: request.sequence, payload))
    }

    private func done(_ request: FakeMessage) {
        waiting.append(FakeMessage.bytes(3, sequence: request.sequence, [0, 0, 0, 0]))
    }
}
