// Text to expression: words, then operators by their precedence. Every part has a type, and parts that do not fit
// together are an error with its place.

import Addresses
import DNSWire
import RegularExpression

/// Reads one expression.
struct ExpressionParser {
    /// Parentheses and denials inside each other; bounds the stack.
    private static let maximumDepth = 64

    private let words: [(word: ExpressionWord, offset: Int)]
    private var next = 0
    private var depth = 0

    init(_ text: String) throws(ViewExpression.Flaw) { words = try ExpressionWord.words(of: text) }

    mutating func parse() throws(ViewExpression.Flaw) -> Node {
        let node = try disjunction()
        guard word == .end else { throw flaw("unexpected \(shown)") }
        try require(.boolean, node, at: 0)
        return node
    }

    // MARK: Precedence, loosest first

    private mutating func disjunction() throws(ViewExpression.Flaw) -> Node {
        try chain(["||", "or"], Node.or) { (parser: inout ExpressionParser) throws(ViewExpression.Flaw) in
            try parser.conjunction()
        }
    }

    private mutating func conjunction() throws(ViewExpression.Flaw) -> Node {
        try chain(["&&", "and"], Node.and) { (parser: inout ExpressionParser) throws(ViewExpression.Flaw) in
            try parser.comparison()
        }
    }

    private mutating func chain(
        _ operators: [String],
        _ join: (Node, Node) -> Node,
        of operand: (inout ExpressionParser) throws(ViewExpression.Flaw) -> Node
    ) throws(ViewExpression.Flaw) -> Node {
        var start = offset
        var left = try operand(&self)
        while operators.contains(where: { word == .sign($0) || word == .name($0) }) {
            try require(.boolean, left, at: start)
            advance()
            start = offset
            let right = try operand(&self)
            try require(.boolean, right, at: start)
            left = join(left, right)
        }
        return left
    }

    private mutating func comparison() throws(ViewExpression.Flaw) -> Node {
        let start = offset
        let left = try operand()
        let place = offset
        var isDenied = false
        if word == .name("not"), words[next + 1].word == .name("in") {
            isDenied = true
            advance()
        }
        switch word {
        case .sign("=="), .sign("!="):
            let isEqual = word == .sign("==")
            advance()
            let right = try operand()
            try requireAlike(left, right, at: place)
            return isEqual ? .equal(left, right) : .not(.equal(left, right))
        case .sign("<"), .sign("<="), .sign(">"), .sign(">="):
            let sign = word
            advance()
            try require(.number, left, at: start)
            let rightStart = offset
            let right = try operand()
            try require(.number, right, at: rightStart)
            let orEqual = sign == .sign("<=") || sign == .sign(">=")
            return sign == .sign("<") || sign == .sign("<=")
                ? .less(left, right, orEqual: orEqual) : .less(right, left, orEqual: orEqual)
        case .name("in"):
            advance()
            let node = Node.isOneOf(left, try list(of: left))
            return isDenied ? .not(node) : node
        case .name("matches"):
            advance()
            try require(.text, left, at: start)
            return .matches(left, try pattern())
        case .name(let name):
            guard let relation = Node.TextRelation(rawValue: name) else { return left }
            advance()
            try require(.text, left, at: start)
            let rightStart = offset
            let right = try operand()
            try require(.text, right, at: rightStart)
            return .compared(left, relation, right)
        default: return left
        }
    }

    // MARK: Operands

    private mutating func operand() throws(ViewExpression.Flaw) -> Node {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else { throw flaw("nested too deeply") }
        let (word, start) = words[next]
        switch word {
        case .text(let text):
            advance()
            return .constant(.text(text))
        case .number(let number):
            advance()
            return .constant(.number(number))
        case .sign("!"), .name("not"):
            advance()
            let place = offset
            let node = try operand()
            try require(.boolean, node, at: place)
            return .not(node)
        case .sign("("):
            advance()
            let node = try disjunction()
            try expect(")")
            return node
        case .name("true"), .name("false"):
            advance()
            return .constant(.boolean(word == .name("true")))
        case .name(let name):
            advance()
            return try call(name, at: start)
        default: throw flaw("unexpected \(shown)")
        }
    }

    private mutating func call(_ name: String, at start: Int) throws(ViewExpression.Flaw) -> Node {
        let function = ViewFunction(rawValue: name)
        guard function != nil || name == "incidr" else {
            throw ViewExpression.Flaw(offset: start, problem: "unknown name \(name)")
        }
        try expect("(")
        if let function {
            try expect(")")
            return .function(function)
        }
        let addressStart = offset
        let address = try operand()
        try require(.text, address, at: addressStart)
        if case .constant(.text(let text)) = address, IPAddress(text) == nil {
            throw ViewExpression.Flaw(offset: addressStart, problem: "not an address: \"\(text)\"")
        }
        try expect(",")
        guard case .text(let text) = word, let subnet = Subnet(text) else {
            throw flaw("invalid CIDR address: \(shown)", hint: "write a network such as '192.0.2.0/24'")
        }
        advance()
        try expect(")")
        return .within(address, subnet)
    }

    private mutating func list(of node: Node) throws(ViewExpression.Flaw) -> [Node] {
        try expect("[")
        var elements: [Node] = []
        while word != .sign("]") {
            if !elements.isEmpty { try expect(",") }
            let start = offset
            let element = try operand()
            try requireAlike(node, element, at: start)
            elements.append(element)
        }
        advance()
        return elements
    }

    private mutating func pattern() throws(ViewExpression.Flaw) -> RegularExpression {
        guard case .text(let text) = word else {
            throw flaw("unexpected \(shown)", hint: "write a regular expression in quotes behind 'matches'")
        }
        do throws(RegularExpression.Flaw) {
            let pattern = try RegularExpression(text)
            advance()
            return pattern
        } catch {
            throw flaw(error.description, hint: "the syntax is Go's: https://golang.org/s/re2syntax")
        }
    }
}

// MARK: - Words

extension ExpressionParser {
    private var word: ExpressionWord { words[next].word }
    private var offset: Int { words[next].offset }

    private mutating func advance() { next = min(next + 1, words.count - 1) }

    private mutating func expect(_ sign: String) throws(ViewExpression.Flaw) {
        guard word == .sign(sign) else { throw flaw("unexpected \(shown)", hint: "'\(sign)' is missing") }
        advance()
    }

    private var shown: String {
        switch word {
        case .name(let name): name
        case .text(let text): "'\(text)'"
        case .number(let number): "\(number)"
        case .sign(let sign): "'\(sign)'"
        case .end: "end of the expression"
        }
    }

    private func flaw(_ problem: String, hint: String? = nil) -> ViewExpression.Flaw {
        ViewExpression.Flaw(offset: offset, problem: problem, hint: hint)
    }

    private func require(
        _ kind: ViewValue.Kind,
        _ node: Node,
        at offset: Int
    ) throws(ViewExpression.Flaw) {
        guard node.kind != kind else { return }
        throw ViewExpression.Flaw(
            offset: offset,
            problem: "this is a \(node.kind.rawValue), not a \(kind.rawValue)"
        )
    }

    private func requireAlike(_ left: Node, _ right: Node, at offset: Int) throws(ViewExpression.Flaw) {
        guard left.kind != right.kind else { return }
        throw ViewExpression.Flaw(
            offset: offset,
            problem: "mismatched types \(left.kind.rawValue) and \(right.kind.rawValue)"
        )
    }
}
