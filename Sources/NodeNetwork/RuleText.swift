// Rules as nft(8) prints them, for log lines.

import Addresses

extension Rule {
    /// The rule as nft(8) prints it.
    func text(_ family: IPAddress.Family) -> String {
        let text = statements.map { $0.text(family) }.joined(separator: " ")
        return comment.map { "\(text) comment \"\($0)\"" } ?? text
    }
}

extension Statement {
    fileprivate func text(_ family: IPAddress.Family) -> String {
        switch self {
        case .isMember(let fields, let set): "\(fields.text(family)) @\(set)"
        case .isEqual(let field, let value): "\(field.text(family)) \(value.text)"
        case .tcpFlags(let flags, let mask): "tcp flags & \(mask) == \(flags)"
        case .hasMark(let mark): "meta mark \(mark)"
        case .isUntracked: "ct state untracked"
        case .isOriginalZone(let zone): "ct original zone \(zone)"
        case .isReply: "ct direction reply"
        case .isDestinationTranslated: "ct status dnat"
        case .hasOwnSocket: "socket wildcard 0"
        case .setZone(let zone, true): "ct original zone set \(zone)"
        case .setZone(let zone, false): "ct zone set \(zone)"
        case .setAddress(let field, let address): "\(field.text(family)) set \(address)"
        case .remember(let fields, let set): "update @\(set) { \(fields.text(family)) }"
        case .forget(let fields, let set): "delete @\(set) { \(fields.text(family)) }"
        case .notrack: "notrack"
        case .masquerade: "masquerade fully-random"
        case .accept: "accept"
        case .returnToCaller: "return"
        case .go(let chain): "goto \(chain)"
        }
    }
}

extension [Field] {
    fileprivate func text(_ family: IPAddress.Family) -> String {
        map { $0.text(family) }.joined(separator: " . ")
    }
}

extension Field {
    fileprivate func text(_ family: IPAddress.Family) -> String {
        let network = family == .v4 ? "ip" : "ip6"
        return switch self {
        case .sourceAddress: "\(network) saddr"
        case .destinationAddress: "\(network) daddr"
        case .transportProtocol: "meta l4proto"
        case .sourcePort: "th sport"
        case .destinationPort: "th dport"
        }
    }
}

extension Value {
    fileprivate var text: String {
        switch self {
        case .address(let address): address.description
        case .transportProtocol(let number): String(number)
        case .port(let number): String(number)
        }
    }
}
