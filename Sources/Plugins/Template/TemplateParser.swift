// Words to nodes. What text/template has and nobody needs for a record is refused by name.

struct TemplateParser {
    private let tokens: [(token: TemplateToken, offset: Int)]
    private var at = 0
    private let end: Int
    /// Names of variables that may be used.
    private var known: Set<String> = [""]
    private var depth = 0

    init(tokens: [(token: TemplateToken, offset: Int)], end: Int) {
        self.tokens = tokens
        self.end = end
    }

    /// How a list of nodes ended.
    private enum Ending {
        case end
        case otherwise
        case otherwiseIf
        case otherwiseWith
        case endOfText
    }

    mutating func parse() throws(GoTemplate.Flaw) -> [TemplateNode] {
        let (nodes, ending) = try parseList()
        guard ending == .endOfText else {
            throw flaw(ending == .end ? "unexpected {{end}}" : "unexpected {{else}}")
        }
        return nodes
    }

    // MARK: - Lists

    private mutating func parseList() throws(GoTemplate.Flaw) -> ([TemplateNode], Ending) {
        depth += 1
        defer { depth -= 1 }
        guard depth < 64 else { throw flaw("template nests too deeply") }
        var nodes: [TemplateNode] = []
        while at < tokens.count {
            switch tokens[at].token {
            case .text(let text):
                nodes.append(.text(text))
                at += 1
            default:
                at += 1
                skipSpace()
                if let ending = try parseEnding() { return (nodes, ending) }
                nodes.append(try parseAction())
            }
        }
        return (nodes, .endOfText)
    }

    private mutating func parseEnding() throws(GoTemplate.Flaw) -> Ending? {
        guard case .identifier(let word)? = peek else { return nil }
        switch word {
        case "end":
            at += 1
            try expectClose()
            return .end
        case "else":
            at += 1
            skipSpace()
            switch peek {
            case .identifier("if"):
                at += 1
                return .otherwiseIf
            case .identifier("with"):
                at += 1
                return .otherwiseWith
            default:
                try expectClose()
                return .otherwise
            }
        default: return nil
        }
    }

    private mutating func parseAction() throws(GoTemplate.Flaw) -> TemplateNode {
        if case .identifier(let word)? = peek {
            switch word {
            case "if", "with":
                at += 1
                return try parseCondition(isWith: word == "with")
            case "range":
                at += 1
                return try parseRange()
            case "define", "template", "block", "break", "continue":
                throw flaw("{{\(word)}} is not supported here")
            default: break
            }
        }
        let pipeline = try parsePipeline()
        try expectClose()
        return .action(pipeline)
    }

    private mutating func parseCondition(isWith: Bool) throws(GoTemplate.Flaw) -> TemplateNode {
        let outer = known
        defer { known = outer }
        let pipeline = try parsePipeline()
        try expectClose()
        let (then, ending) = try parseList()
        let otherwise = try parseOtherwise(ending)
        return isWith
            ? .with(pipeline, then: then, otherwise: otherwise)
            : .condition(pipeline, then: then, otherwise: otherwise)
    }

    private mutating func parseOtherwise(_ ending: Ending) throws(GoTemplate.Flaw) -> [TemplateNode] {
        switch ending {
        case .end: return []
        case .otherwiseIf: return [try parseCondition(isWith: false)]
        case .otherwiseWith: return [try parseCondition(isWith: true)]
        case .otherwise:
            let (nodes, ending) = try parseList()
            guard ending == .end else { throw flaw("expected end; found {{else}}") }
            return nodes
        case .endOfText: throw flaw("unexpected EOF")
        }
    }

    private mutating func parseRange() throws(GoTemplate.Flaw) -> TemplateNode {
        let outer = known
        defer { known = outer }
        skipSpace()
        var names: [String] = []
        let start = at
        while case .variable(let name)? = peek {
            names.append(name)
            at += 1
            skipSpace()
            guard case .comma? = peek else { break }
            at += 1
            skipSpace()
        }
        if case .declare? = peek, (1...2).contains(names.count) {
            at += 1
            known.formUnion(names)
        } else {
            at = start
            names = []
        }
        let pipeline = try parsePipeline()
        try expectClose()
        let (body, ending) = try parseList()
        let otherwise = try parseOtherwise(ending)
        return .range(
            pipeline,
            key: names.count == 2 ? names[0] : nil,
            value: names.last,
            body: body,
            otherwise: otherwise
        )
    }

    // MARK: - Pipelines

    private mutating func parsePipeline() throws(GoTemplate.Flaw) -> TemplatePipeline {
        skipSpace()
        var pipeline = TemplatePipeline()
        if case .variable(let name)? = peek {
            let start = at
            at += 1
            skipSpace()
            switch peek {
            case .declare:
                at += 1
                pipeline.isDeclaration = true
                pipeline.variable = name
            case .assign:
                at += 1
                guard known.contains(name) else { throw flaw("undefined variable \"$\(name)\"") }
                pipeline.variable = name
            default: at = start
            }
        }
        repeat {
            pipeline.commands.append(try parseCommand())
        } while takes(.pipe)
        if let name = pipeline.variable { known.insert(name) }
        return pipeline
    }

    private mutating func parseCommand() throws(GoTemplate.Flaw) -> [TemplateOperand] {
        var operands: [TemplateOperand] = []
        skipSpace()
        while let token = peek, token != .close, token != .pipe, token != .rightParenthesis {
            operands.append(try parseOperand())
            skipSpace()
        }
        guard let first = operands.first else { throw flaw("missing value for command") }
        switch first {
        case .literal where operands.count > 1: throw flaw("can't give argument to non-function")
        case .function, .field, .variable, .nested, .literal: return operands
        }
    }

    private mutating func parseOperand() throws(GoTemplate.Flaw) -> TemplateOperand {
        let token = peek
        at += 1
        switch token {
        case .string(let text): return .literal(.string(text))
        case .integer(let number): return .literal(.integer(number))
        case .field(let name): return .field(name.isEmpty ? [] : [name] + fields())
        case .variable(let name):
            guard known.contains(name) else {
                at -= 1
                throw flaw("undefined variable \"$\(name)\"")
            }
            return .variable(name, fields())
        case .identifier("true"): return .literal(.bool(true))
        case .identifier("false"): return .literal(.bool(false))
        case .identifier("nil"): return .literal(.nothing)
        case .identifier(let name):
            guard TemplateFunctions.names.contains(name) else {
                at -= 1
                throw flaw("function \"\(name)\" not defined")
            }
            return .function(name)
        case .leftParenthesis:
            depth += 1
            defer { depth -= 1 }
            guard depth < 64 else { throw flaw("template nests too deeply") }
            let pipeline = try parsePipeline()
            guard takes(.rightParenthesis) else { throw flaw("unclosed left paren") }
            return .nested(pipeline, fields())
        default:
            at -= 1
            throw flaw("unexpected word in operand")
        }
    }

    /// `.A.B` directly behind an operand.
    private mutating func fields() -> [String] {
        var names: [String] = []
        while case .field(let name)? = peek, !name.isEmpty {
            names.append(name)
            at += 1
        }
        return names
    }

    // MARK: - Helpers

    private var peek: TemplateToken? { at < tokens.count ? tokens[at].token : nil }

    private mutating func skipSpace() { while case .space? = peek { at += 1 } }

    private mutating func takes(_ token: TemplateToken) -> Bool {
        skipSpace()
        guard peek == token else { return false }
        at += 1
        return true
    }

    private mutating func expectClose() throws(GoTemplate.Flaw) {
        guard takes(.close) else { throw flaw("unexpected word in command") }
    }

    private func flaw(_ problem: String) -> GoTemplate.Flaw {
        GoTemplate.Flaw(problem: problem, offset: at < tokens.count ? tokens[at].offset : end)
    }
}
