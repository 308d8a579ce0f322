// The tables of legacy iptables (x_tables), only to be read: what is in use, and whether a text occurs. They
// are asked for by getsockopt on a raw socket (linux/netfilter_ipv4/ip_tables.h). Nothing is asked of a table
// that is not in use, because asking would load it.

package import Addresses
import Glibc
import Kernel

/// A table of legacy iptables or ip6tables.
package struct LegacyTable: Hashable, Sendable {
    package let family: IPAddress.Family
    package let name: String

    /// The command that shows and changes it.
    package var tool: String { family == .v4 ? "iptables-legacy" : "ip6tables-legacy" }

    var title: String { "\(tool) \(name)" }

    /// The tables the kernel has; none where this process may not look, or x_tables is not there.
    static func allInUse() -> [LegacyTable] {
        IPAddress.Family.allCases.flatMap { family -> [LegacyTable] in
            let path = "/proc/thread-self/net/\(family == .v4 ? "ip" : "ip6")_tables_names"
            guard let bytes = try? Files.read(path) else { return [] }
            return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
                LegacyTable(family: family, name: String($0))
            }
        }
    }

    /// How often a text begins a name or a comment in the table's rules.
    func occurrences(of text: String) throws(Errno) -> Int {
        let entries = try entries()
        let wanted = Array(text.utf8)
        var count = 0
        var index = 0
        while let start = entries[index...].firstIndex(of: wanted.first ?? 0) {
            index = start + 1
            if entries[start...].starts(with: wanted) { count += 1 }
        }
        return count
    }

    // MARK: The kernel's bytes

    /// IPT_SO_GET_INFO and IP6T_SO_GET_INFO, and the request behind it for all entries.
    private static let getInfo: CInt = 64
    private static let getEntries: CInt = 65
    private static let nameLength = 32
    /// struct ipt_getinfo: name, hooks, two arrays of five offsets, count, and last the entries' size.
    private static let infoLength = 84
    /// struct ipt_get_entries: name, size, then the entries, eight-aligned.
    private static let entriesOffset = 40

    private func entries() throws(Errno) -> [UInt8] {
        let family = self.family == .v4 ? AF_INET : AF_INET6
        let descriptor = socket(
            family,
            CInt(SOCK_RAW.rawValue) | CInt(SOCK_CLOEXEC.rawValue),
            CInt(IPPROTO_RAW)
        )
        guard descriptor >= 0 else { throw .current }
        let socket = OwnedDescriptor(owning: descriptor)
        var attempts = 3
        while true {
            let name = Array(self.name.utf8.prefix(Self.nameLength - 1))
            var information = name + Array(repeating: 0, count: Self.infoLength - name.count)
            try ask(socket, Self.getInfo, &information)
            let size = Int(information.hostUInt32(at: Self.infoLength - 4))
            var entries = name + Array(repeating: 0, count: Self.entriesOffset + size - name.count)
            entries.replaceSubrange(Self.nameLength..<(Self.nameLength + 4), with: information.suffix(4))
            do {
                try ask(socket, Self.getEntries, &entries)
                return Array(entries[Self.entriesOffset...])
            } catch {
                // EAGAIN: the table grew between the questions.
                attempts -= 1
                guard error.code == EAGAIN, attempts > 0 else { throw error }
            }
        }
    }

    private func ask(
        _ socket: borrowing OwnedDescriptor,
        _ option: CInt,
        _ bytes: inout [UInt8]
    ) throws(Errno) {
        let level = CInt(family == .v4 ? IPPROTO_IP : Int(IPPROTO_IPV6))
        var length = socklen_t(bytes.count)
        // SAFETY: the kernel writes at most `length` bytes, and the array has as many.
        let status = unsafe getsockopt(socket.raw, level, option, &bytes, &length)
        guard status == 0 else { throw .current }
    }
}
