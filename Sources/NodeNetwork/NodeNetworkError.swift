// The module's one error: which object, what we tried, the kernel's errno and words, and the way out.
// Counting it and writing it to a log are the caller's matter.

package import Addresses
import Glibc
import Kernel

/// Something on the node's network could not be read, made or removed.
package struct NodeNetworkError: Error, Hashable, Sendable {
    /// The `errortype` label of `coredns_nodecache_setup_errors_total` that counts a failure.
    package enum ErrorType: String, Sendable, CaseIterable {
        /// Rules: node-cache's word, kept for its dashboards although no iptables is involved.
        case iptables
        /// Exported with 0 for node-cache's dashboards: nftables has no lock file to wait for.
        case iptablesLock = "iptables_lock"
        /// The link or an address could not be made.
        case interfaceAdd = "interface_add"
        /// The link or its addresses could not be read or removed.
        case interfaceCheck = "interface_check"
    }

    /// What was being done to the object.
    package enum Action: String, Sendable {
        case open
        case read
        case add
        case change
        case delete
    }

    /// The object that refused.
    package enum Object: Hashable, Sendable {
        case routeSocket
        case filterSocket
        case link(String)
        case address(IPAddress, link: String)
        case addresses
        /// The nftables transaction as a whole: the kernel did not even look at its messages.
        case transaction
        case tables
        case table(String)
        case set(String)
        case chain(String)
        case rule(String)
        case legacyTable(String)
    }

    package let action: Action
    package let object: Object
    package let reason: Errno

    init(_ action: Action, _ object: Object, _ reason: Errno) {
        self.action = action
        self.object = object
        self.reason = reason
    }

    /// Which counter this belongs to.
    package var errorType: ErrorType {
        switch object {
        case .filterSocket, .transaction, .tables, .table, .set, .chain, .rule, .legacyTable: .iptables
        case .routeSocket, .link, .address, .addresses:
            action == .add || action == .change ? .interfaceAdd : .interfaceCheck
        }
    }

    /// What the operator can do about it; nil where only the errno is known.
    package var wayOut: String? {
        switch (reason.code, object) {
        case (EPERM, .table): "the table belongs to another process; it goes when that process ends"
        case (EPERM, _): "needs the capability NET_ADMIN"
        case (EACCES, .address(let address, let link)) where address.family == .v6:
            "IPv6 is switched off there: see sysctl net.ipv6.conf.\(link).disable_ipv6"
        // nfnetlink without nf_tables refuses a question with EINVAL and a transaction with EOPNOTSUPP.
        case (EINVAL, .tables), (EOPNOTSUPP, .transaction), (EPROTONOSUPPORT, .filterSocket):
            "nf_tables is missing: load the kernel module nf_tables or use -setupiptables=false"
        case (ENOENT, .rule): "the kernel module nft_ct is missing: load it or use -setupiptables=false"
        case (EOPNOTSUPP, .table), (EAFNOSUPPORT, .table):
            "the kernel's nf_tables does not know this address family"
        case (ERANGE, .link), (EINVAL, .link): "is the name at most 15 bytes, without blank and slash?"
        case (EMFILE, _), (ENFILE, _): "raise the limit of open files"
        case (ENOBUFS, _): "the kernel's answer was lost; it is asked again at the next check"
        default: nil
        }
    }
}

extension NodeNetworkError: CustomStringConvertible {
    /// `cannot add table ip nodelocaldns-6b0f3a51: Operation not permitted: needs …`.
    package var description: String {
        let base = "cannot \(action.rawValue) \(object): \(reason)"
        return wayOut.map { "\(base): \($0)" } ?? base
    }
}

extension NodeNetworkError.Object: CustomStringConvertible {
    package var description: String {
        switch self {
        case .routeSocket: "the routing netlink socket"
        case .filterSocket: "the netfilter netlink socket"
        case .link(let name): "interface \(name)"
        case .address(let address, let link): "\(address)/\(address.bitWidth) on interface \(link)"
        case .addresses: "the interfaces' addresses"
        case .transaction: "nftables rules"
        case .tables: "the list of nftables tables"
        case .table(let name): "table \(name)"
        case .set(let name): "set \(name)"
        case .chain(let name): "chain \(name)"
        case .rule(let text): "rule {\(text)}"
        case .legacyTable(let name): "legacy table \(name)"
        }
    }
}

/// The kernel's refusal: its number, and its own words where it gave any.
package struct Errno: Error, Hashable, Sendable {
    package let code: CInt
    /// The extended acknowledgement's text (NLMSGERR_ATTR_MSG), which many refusals carry since Linux 4.12.
    package let kernelText: String?

    package init(_ code: CInt, kernelText: String? = nil) {
        self.code = code
        self.kernelText = kernelText
    }

    /// What the C library left behind when the last call failed.
    static var current: Errno { Errno(errno) }

    static let noMemory = Errno(ENOMEM)
}

extension Errno: CustomStringConvertible {
    package var description: String {
        let text = SystemError.text(of: code)
        return kernelText.map { "\(text) (\($0))" } ?? text
    }
}
