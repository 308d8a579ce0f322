// Links and addresses by rtnetlink: one function, one message. What should be there is LinkKeeper's to
// decide. Fields and attributes: rtnetlink(7), linux/if_link.h, linux/if_addr.h.

import Addresses
import CNetlink
import Glibc

/// A link as the kernel knows it.
struct Link: Hashable {
    let name: String
    let index: UInt32
    let isUp: Bool
    /// The kind of a virtual link, such as `dummy`; nil for hardware and for `lo`.
    let kind: String?
}

/// An address on a link.
struct LinkAddress: Hashable {
    let address: IPAddress
    let prefixLength: UInt8
    let linkIndex: UInt32
    /// Who put it there (IFA_PROTO); 0 when nobody said.
    let origin: UInt8
}

extension LinkAddress {
    /// Our mark on the addresses we add (IFA_PROTO, Linux 5.18; older kernels ignore it): by it a later
    /// process knows what a killed one left on `lo`. The number is free: the kernel's own end at 3.
    static let ourOrigin: UInt8 = 53
}

extension NetlinkConnection {
    /// The size of ifinfomsg, ifaddrmsg: attributes start behind it.
    static let linkHeaderLength = MemoryLayout<ifinfomsg>.size
    static let addressHeaderLength = MemoryLayout<ifaddrmsg>.size

    // MARK: Links

    /// Finds a link by name.
    func link(named name: String) throws(Errno) -> Link? {
        do throws(Errno) {
            let answers = try request { sequence in
                .route(RTM_GETLINK, flags: 0, sequence: sequence) { message in
                    message.put(header: ifinfomsg())
                    message.put(IFLA_IFNAME, text: name)
                }
            }
            guard let answer = answers.first(where: { $0.type == RTM_NEWLINK }) else { throw Errno(EPROTO) }
            return Link(answer)
        } catch {
            guard error.code == ENODEV else { throw error }
            return nil
        }
    }

    /// Makes a link of kind `dummy`; it is down, as the kernel makes links.
    func addDummyLink(named name: String) throws(Errno) {
        try request { sequence in
            .route(RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, sequence: sequence) { message in
                message.put(header: ifinfomsg())
                message.put(IFLA_IFNAME, text: name)
                message.nest(IFLA_LINKINFO) { message.put(IFLA_INFO_KIND, text: "dummy") }
            }
        }
    }

    /// Keeps the kernel from giving the link a link-local address of its own when it comes up.
    func stopLinkLocalAddresses(on link: Link) throws(Errno) {
        try request { sequence in
            .route(RTM_NEWLINK, flags: NLM_F_ACK, sequence: sequence) { message in
                message.put(header: ifinfomsg(index: link.index))
                message.nest(IFLA_AF_SPEC) {
                    message.nest(AF_INET6) {
                        message.put(IFLA_INET6_ADDR_GEN_MODE, [UInt8(IN6_ADDR_GEN_MODE_NONE.rawValue)])
                    }
                }
            }
        }
    }

    func setUp(_ link: Link) throws(Errno) {
        try request { sequence in
            .route(RTM_NEWLINK, flags: NLM_F_ACK, sequence: sequence) { message in
                message.put(header: ifinfomsg(index: link.index, setting: UInt32(IFF_UP)))
            }
        }
    }

    func delete(_ link: Link) throws(Errno) {
        try request { sequence in
            .route(RTM_DELLINK, flags: NLM_F_ACK, sequence: sequence) { message in
                message.put(header: ifinfomsg(index: link.index))
            }
        }
    }

    // MARK: Addresses

    /// Every address of the network namespace.
    func addresses() throws(Errno) -> [LinkAddress] {
        try dump { sequence in
            .route(RTM_GETADDR, flags: NLM_F_DUMP, sequence: sequence) { $0.put(header: ifaddrmsg()) }
        }
        .compactMap(LinkAddress.init)
    }

    /// Adds an address with a prefix that covers only it.
    func add(_ address: IPAddress, to link: Link) throws(Errno) {
        try change(RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_EXCL, address, on: link)
    }

    func remove(_ address: IPAddress, from link: Link) throws(Errno) {
        try change(RTM_DELADDR, flags: 0, address, on: link)
    }

    private func change(
        _ type: some BinaryInteger,
        flags: CInt,
        _ address: IPAddress,
        on link: Link
    ) throws(Errno) {
        try request { sequence in
            .route(type, flags: flags | NLM_F_ACK, sequence: sequence) { message in
                message.put(
                    header: ifaddrmsg(
                        ifa_family: UInt8(address.family == .v4 ? AF_INET : AF_INET6),
                        ifa_prefixlen: UInt8(address.bitWidth),
                        // No duplicate address detection: the address is meant to be on every node.
                        ifa_flags: address.family == .v6 ? UInt8(IFA_F_NODAD) : 0,
                        // On `lo` an address of global scope could become the source of other traffic.
                        ifa_scope: UInt8((link.name == "lo" ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE).rawValue),
                        ifa_index: link.index
                    )
                )
                message.put(IFA_LOCAL, address.bytes)
                message.put(IFA_ADDRESS, address.bytes)
                message.put(IFA_PROTO, [LinkAddress.ourOrigin])
            }
        }
    }
}

// MARK: - Helpers

extension [UInt8] {
    /// See NetlinkMessageWriter.route.
    fileprivate static func route(
        _ type: some BinaryInteger,
        flags: CInt,
        sequence: UInt32,
        body: (NetlinkMessageWriter) -> Void
    ) -> [UInt8] {
        NetlinkMessageWriter.route(type, flags: flags, sequence: sequence, body: body)
    }
}

extension ifinfomsg {
    /// Names a link, and sets the given flags of it.
    fileprivate init(index: UInt32, setting flags: UInt32 = 0) {
        self.init()
        ifi_index = CInt(bitPattern: index)
        ifi_flags = flags
        ifi_change = flags
    }
}

extension Link {
    /// Reads an RTM_NEWLINK or RTM_DELLINK.
    init?(_ message: NetlinkMessage) {
        let headerLength = NetlinkConnection.linkHeaderLength
        guard message.payloadLength >= headerLength,
            let name = message.attribute(IFLA_IFNAME, after: headerLength)
        else { return nil }
        self.init(
            name: name.netlinkText,
            index: message.payloadUInt32(at: 4),
            isUp: message.payloadUInt32(at: 8) & UInt32(IFF_UP) != 0,
            kind: message.attribute(IFLA_LINKINFO, after: headerLength)?
                .netlinkAttribute(IFLA_INFO_KIND, from: 0)?.netlinkText
        )
    }
}

extension LinkAddress {
    /// Reads an RTM_NEWADDR or RTM_DELADDR of IPv4 or IPv6.
    init?(_ message: NetlinkMessage) {
        let headerLength = NetlinkConnection.addressHeaderLength
        guard message.payloadLength >= headerLength,
            // IFA_ADDRESS is the peer's on point-to-point links; IFA_LOCAL is missing on most IPv6 ones.
            let bytes = message.attribute(IFA_LOCAL, after: headerLength)
                ?? message.attribute(IFA_ADDRESS, after: headerLength),
            let address = IPAddress(bytes: bytes)
        else { return nil }
        self.init(
            address: address,
            prefixLength: message.payloadByte(at: 1),
            linkIndex: message.payloadUInt32(at: 4),
            origin: message.attribute(IFA_PROTO, after: headerLength)?.first ?? 0
        )
    }
}
