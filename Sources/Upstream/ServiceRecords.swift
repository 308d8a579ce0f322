// The servers that an SRV answer names (RFC 2782), with the addresses that came along.

package import Addresses
import DNSWire
package import Timing

/// What one answer says about a service.
package struct ServiceRecords: Hashable, Sendable {
    package let servers: [Endpoint]
    /// The least time to live of the records that were used.
    package let life: Interval

    /// Reads a whole message; nil when it is no answer without error.
    ///
    /// A target has its addresses in the additional section, as CoreDNS and every authority send them; one
    /// without any is left out. Of a target with both families `family` is taken: the pod is one server.
    package init?(_ message: [UInt8], preferring family: IPAddress.Family) {
        guard let answer = try? AnswerMessage(message), answer.responseCode == .noError,
            let questionEnd = NameScan.plainEnd(of: Limits.headerSize, in: answer.wire.span)
        else { return nil }
        let wire = answer.wire.span
        var targets: [(name: DomainName, port: UInt16)] = []
        var addresses: [DomainName: [IPAddress]] = [:]
        var least = UInt32.max
        var cursor = RecordCursor(at: questionEnd + 4)
        while cursor.offset < wire.count {
            guard let record = cursor.next(in: wire) else { return nil }
            switch record.type {
            case .srv where record.data.count > Self.fixedSize:
                let at = record.data.lowerBound
                guard let name = Self.name(at: at + Self.fixedSize, wire) else { return nil }
                targets.append((name, wire.uint16(at: at + 4)))
            case .a, .aaaa:
                guard let owner = Self.name(at: record.start, wire),
                    let address = IPAddress(bytes: Array(answer.wire[record.data]))
                else { return nil }
                addresses[owner, default: []].append(address)
            default: continue
            }
            least = min(least, record.timeToLive)
        }
        servers = targets.compactMap { target in
            guard target.port > 0, let known = addresses[target.name] else { return nil }
            let address = known.first { $0.family == family } ?? known.first
            return address.map { Endpoint($0, port: target.port) }
        }
        life = Interval.seconds(UInt64(least > 0x7fff_ffff ? 0 : least))
    }

    /// Priority, weight and port.
    private static let fixedSize = 6

    private static func name(at start: Int, _ wire: Span<UInt8>) -> DomainName? {
        var name: [UInt8] = []
        guard NameScan.expand(start, in: wire, into: &name) else { return nil }
        return DomainName(wire: name)
    }
}
