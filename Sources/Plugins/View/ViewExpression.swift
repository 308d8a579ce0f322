// An expression about a query, in the subset of https://expr-lang.org that views of the field use: types are known
// when the Corefile is read, so that nothing can fail when a query comes. The time it takes is bounded by its length
// and the query's; there are no loops.

import Addresses
import DNSWire
import RegularExpression
import Resolution

/// An expression that was understood.
package struct ViewExpression: Hashable, Sendable {
    /// As it was written.
    package let text: String
    private let root: Node

    /// Why a text is no expression.
    package struct Flaw: Error, Hashable, Sendable {
        /// Unicode scalars before the place.
        package let offset: Int
        package let problem: String
        package var hint: String?
    }

    package init(_ text: String) throws(Flaw) {
        self.text = text
        var parser = try ExpressionParser(text)
        root = try parser.parse()
    }

    package static func == (left: ViewExpression, right: ViewExpression) -> Bool { left.text == right.text }

    package func hash(into hasher: inout Hasher) { hasher.combine(text) }

    /// Whether it is true of a query.
    func isTrue(of query: borrowing Query, _ asker: Asker) -> Bool {
        root.value(query, asker) == .boolean(true)
    }
}

/// What an expression, or a part of it, comes to.
enum ViewValue: Hashable, Sendable {
    case boolean(Bool)
    case number(Int)
    case text(String)

    /// The kinds of values.
    enum Kind: String, Sendable {
        case boolean = "bool"
        case number = "int"
        case text = "string"
    }

    var kind: Kind {
        switch self {
        case .boolean: .boolean
        case .number: .number
        case .text: .text
        }
    }
}

/// A part of an expression.
indirect enum Node: Sendable {
    case constant(ViewValue)
    case function(ViewFunction)
    /// `incidr(ADDRESS, 'CIDR')`
    case within(Node, Subnet)
    case not(Node)
    case and(Node, Node)
    case or(Node, Node)
    case equal(Node, Node)
    /// Numbers: less, or equal too.
    case less(Node, Node, orEqual: Bool)
    case isOneOf(Node, [Node])
    case matches(Node, RegularExpression)
    case compared(Node, TextRelation, Node)

    /// How two texts may stand to each other.
    enum TextRelation: String, Sendable {
        case startsWith
        case endsWith
        case contains
    }

    var kind: ViewValue.Kind {
        switch self {
        case .constant(let value): value.kind
        case .function(let function): function.kind
        default: .boolean
        }
    }
}

// MARK: - Evaluation

extension Node {
    func value(_ query: borrowing Query, _ asker: Asker) -> ViewValue {
        switch self {
        case .constant(let value): value
        case .function(let function): function.value(query, asker)
        case .within(let address, let subnet):
            .boolean(address.address(query, asker).map { subnet.contains($0) } ?? false)
        case .not(let node): .boolean(!node.isTrue(query, asker))
        case .and(let left, let right): .boolean(left.isTrue(query, asker) && right.isTrue(query, asker))
        case .or(let left, let right): .boolean(left.isTrue(query, asker) || right.isTrue(query, asker))
        case .equal(let left, let right): .boolean(left.value(query, asker) == right.value(query, asker))
        case .less(let left, let right, let orEqual):
            .boolean(Self.less(left.value(query, asker), right.value(query, asker), orEqual))
        case .isOneOf(let node, let list):
            .boolean(Self.holds(list, node.value(query, asker), query, asker))
        case .matches(let node, let pattern): .boolean(pattern.matches(node.text(query, asker)))
        case .compared(let left, let relation, let right):
            .boolean(relation.holds(left.text(query, asker), right.text(query, asker)))
        }
    }

    private func isTrue(_ query: borrowing Query, _ asker: Asker) -> Bool {
        value(query, asker) == .boolean(true)
    }

    private func text(_ query: borrowing Query, _ asker: Asker) -> String {
        if case .text(let text) = value(query, asker) { text } else { "" }
    }

    /// Without a detour over text where the address is at hand.
    private func address(_ query: borrowing Query, _ asker: Asker) -> IPAddress? {
        switch self {
        case .function(.clientAddress): asker.client?.address
        case .function(.serverAddress): asker.server?.address
        default: IPAddress(text(query, asker))
        }
    }

    private static func less(_ left: ViewValue, _ right: ViewValue, _ orEqual: Bool) -> Bool {
        guard case .number(let left) = left, case .number(let right) = right else { return false }
        return orEqual ? left <= right : left < right
    }

    private static func holds(
        _ list: [Node],
        _ value: ViewValue,
        _ query: borrowing Query,
        _ asker: Asker
    ) -> Bool {
        for node in list where node.value(query, asker) == value { return true }
        return false
    }
}

extension Node.TextRelation {
    fileprivate func holds(_ left: String, _ right: String) -> Bool {
        switch self {
        case .startsWith: left.hasPrefix(right)
        case .endsWith: left.hasSuffix(right)
        case .contains: left.contains(right)
        }
    }
}

// MARK: - Functions

/// What can be asked of a query: CoreDNS' names; the raw value is what one writes before `()`.
enum ViewFunction: String, CaseIterable, Sendable {
    case bufferSize = "bufsize"
    case recordClass = "class"
    case clientAddress = "client_ip"
    case dnssecOK = "do"
    case id
    case name
    case opcode
    case port
    case transport = "proto"
    case serverAddress = "server_ip"
    case serverPort = "server_port"
    case size
    case type

    /// For messages.
    static let known =
        (allCases.map { $0.rawValue + "()" } + ["incidr(ADDRESS, CIDR)"]).joined(separator: " ")

    var kind: ViewValue.Kind {
        switch self {
        case .bufferSize, .id, .opcode, .size: .number
        case .dnssecOK: .boolean
        default: .text
        }
    }

    func value(_ query: borrowing Query, _ asker: Asker) -> ViewValue {
        switch self {
        case .bufferSize:
            .number(
                asker.transport == .tcp
                    ? Limits.messageSize : max(Limits.plainUDPSize, Int(query.edns?.payloadSize ?? 0))
            )
        case .recordClass: .text(query.recordClass.description)
        case .clientAddress: .text(asker.client?.address.description ?? "")
        case .dnssecOK: .boolean(query.dnssecOK)
        case .id: .number(Int(query.id))
        case .name: .text(query.domainName?.description ?? "")
        case .opcode: .number(Int(query.flags.opcode.rawValue))
        case .port: .text(asker.client.map { String($0.port) } ?? "")
        case .transport: .text(asker.transport.rawValue)
        case .serverAddress: .text(asker.server?.address.description ?? "")
        case .serverPort: .text(asker.server.map { String($0.port) } ?? "")
        case .size: .number(query.size)
        case .type: .text(query.type.description)
        }
    }
}
