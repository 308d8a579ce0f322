// Go's text/template as far as Corefiles use it: fields, pipelines, variables, if, with, range, and the functions
// that make sense for a record. Read once with the configuration, filled in per question.

/// A template that was understood.
struct GoTemplate: Hashable, Sendable {
    /// As it was written.
    let text: String
    private let nodes: [TemplateNode]

    /// What is wrong with a text, and where: octets from its beginning.
    struct Flaw: Error, Hashable, Sendable {
        let problem: String
        let offset: Int
    }

    init(_ text: String) throws(Flaw) {
        self.text = text
        var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: text), end: text.utf8.count)
        nodes = try parser.parse()
    }

    static func == (left: GoTemplate, right: GoTemplate) -> Bool { left.text == right.text }
    func hash(into hasher: inout Hasher) { hasher.combine(text) }

    /// The text for `data`; throws in Go's words what could not be computed.
    func filled(with data: TemplateValue) throws(TemplateFailure) -> String {
        var run = TemplateRun(root: data)
        try run.perform(nodes, data)
        return run.output
    }
}

/// A piece of a template.
indirect enum TemplateNode: Sendable {
    case text(String)
    case action(TemplatePipeline)
    case condition(TemplatePipeline, then: [TemplateNode], otherwise: [TemplateNode])
    case with(TemplatePipeline, then: [TemplateNode], otherwise: [TemplateNode])
    case range(
        TemplatePipeline,
        key: String?,
        value: String?,
        body: [TemplateNode],
        otherwise: [TemplateNode]
    )
}

/// `$x := command | command`.
struct TemplatePipeline: Sendable {
    var variable: String?
    var isDeclaration = false
    var commands: [[TemplateOperand]] = []
}

/// A word of a command.
indirect enum TemplateOperand: Sendable {
    case literal(TemplateValue)
    /// `.A.B`; none for the dot alone.
    case field([String])
    case variable(String, [String])
    case function(String)
    case nested(TemplatePipeline, [String])
}

/// Why a template could not be filled in.
struct TemplateFailure: Error, Sendable, CustomStringConvertible {
    let description: String
}
