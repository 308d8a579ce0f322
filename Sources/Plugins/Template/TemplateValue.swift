// What a template computes with.

indirect enum TemplateValue: Hashable, Sendable {
    case nothing
    case bool(Bool)
    case integer(Int)
    case string(String)
    case list([TemplateValue])
    case map([String: TemplateValue])
    /// A method that takes one string: `.Meta "x/y"`.
    case method([String: String])

    /// What `if` makes of it: empty and zero are false.
    var isTrue: Bool {
        switch self {
        case .nothing: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .string(let value): !value.isEmpty
        case .list(let values): !values.isEmpty
        case .map(let values): !values.isEmpty
        case .method: true
        }
    }

    /// As Go prints it.
    var text: String {
        switch self {
        case .nothing: "<no value>"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .string(let value): value
        case .list(let values): "[" + values.map(\.text).joined(separator: " ") + "]"
        case .map(let values):
            "map["
                + values.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value.text)" }.joined(
                    separator: " "
                )
                + "]"
        case .method: ""
        }
    }
}

/// One filling-in of a template.
struct TemplateRun {
    private(set) var output = ""
    private var variables: [(name: String, value: TemplateValue)]

    /// A record is short; this ends templates that range over what they should not.
    static let maximumOutput = 65_535

    init(root: TemplateValue) { variables = [("", root)] }

    mutating func perform(_ nodes: [TemplateNode], _ dot: TemplateValue) throws(TemplateFailure) {
        for node in nodes {
            let depth = variables.count
            switch node {
            case .text(let text): output += text
            case .action(let pipeline):
                let value = try evaluate(pipeline, dot)
                if pipeline.variable == nil { output += value.text }
                continue  // what it declares lives on
            case .condition(let pipeline, let then, let otherwise):
                let isTrue = try evaluate(pipeline, dot).isTrue
                try perform(isTrue ? then : otherwise, dot)
            case .with(let pipeline, let then, let otherwise):
                let value = try evaluate(pipeline, dot)
                try perform(value.isTrue ? then : otherwise, value.isTrue ? value : dot)
            case .range(let pipeline, let key, let value, let body, let otherwise):
                try range(try items(evaluate(pipeline, dot)), key, value, body, otherwise, dot)
            }
            variables.removeLast(variables.count - depth)
            guard output.utf8.count <= Self.maximumOutput else {
                throw TemplateFailure(description: "template makes too much text")
            }
        }
    }

    private mutating func range(
        _ items: [(TemplateValue, TemplateValue)],
        _ key: String?,
        _ value: String?,
        _ body: [TemplateNode],
        _ otherwise: [TemplateNode],
        _ dot: TemplateValue
    ) throws(TemplateFailure) {
        if items.isEmpty { return try perform(otherwise, dot) }
        for (index, item) in items {
            let depth = variables.count
            if let key { variables.append((key, index)) }
            if let value { variables.append((value, item)) }
            try perform(body, item)
            variables.removeLast(variables.count - depth)
        }
    }

    private func items(_ value: TemplateValue) throws(TemplateFailure) -> [(TemplateValue, TemplateValue)] {
        switch value {
        case .list(let values): return values.enumerated().map { (.integer($0.offset), $0.element) }
        case .map(let values): return values.sorted { $0.key < $1.key }.map { (.string($0.key), $0.value) }
        case .integer(let count) where (0...1000).contains(count):
            return (0..<count).map { (.integer($0), .integer($0)) }
        case .nothing: return []
        default: throw TemplateFailure(description: "range can't iterate over \(value.text)")
        }
    }

    // MARK: - Pipelines

    mutating func evaluate(
        _ pipeline: TemplatePipeline,
        _ dot: TemplateValue
    ) throws(TemplateFailure) -> TemplateValue {
        var result: TemplateValue?
        for command in pipeline.commands {
            result = try call(command, with: result, dot)
        }
        let value = result ?? .nothing
        if let name = pipeline.variable {
            if pipeline.isDeclaration {
                variables.append((name, value))
            } else if let index = variables.lastIndex(where: { $0.name == name }) {
                variables[index].value = value
            }
        }
        return value
    }

    /// `last` is what the command before a pipe computed: the last argument of this one.
    private mutating func call(
        _ command: [TemplateOperand],
        with last: TemplateValue?,
        _ dot: TemplateValue
    ) throws(TemplateFailure) -> TemplateValue {
        guard case .function(let name)? = command.first else {
            guard let first = command.first else { return .nothing }
            let value = try self.value(of: first, dot)
            var arguments: [TemplateValue] = []
            for operand in command.dropFirst() { arguments.append(try self.value(of: operand, dot)) }
            if let last { arguments.append(last) }
            return try TemplateFunctions.apply(value, to: arguments)
        }
        var arguments: [TemplateValue] = []
        for operand in command.dropFirst() {
            let value = try self.value(of: operand, dot)
            arguments.append(value)
            // As in Go, what decides the result is the last that is looked at.
            if name == "and", !value.isTrue { return value }
            if name == "or", value.isTrue { return value }
        }
        if let last { arguments.append(last) }
        return try TemplateFunctions.call(name, arguments)
    }

    private mutating func value(
        of operand: TemplateOperand,
        _ dot: TemplateValue
    ) throws(TemplateFailure) -> TemplateValue {
        switch operand {
        case .literal(let value): return value
        case .field(let names): return try Self.field(names, of: dot)
        case .variable(let name, let names):
            let value = variables.last { $0.name == name }?.value ?? .nothing
            return try Self.field(names, of: value)
        case .function(let name): return try TemplateFunctions.call(name, [])
        case .nested(let pipeline, let names): return try Self.field(names, of: evaluate(pipeline, dot))
        }
    }

    private static func field(
        _ names: [String],
        of value: TemplateValue
    ) throws(TemplateFailure) -> TemplateValue {
        var value = value
        for name in names {
            guard case .map(let fields) = value else {
                throw TemplateFailure(description: "can't evaluate field \(name)")
            }
            value = fields[name] ?? .nothing
        }
        return value
    }
}
