// The shape of a Corefile, before anybody knows what its words mean.

/// Server blocks in file order, imports expanded, snippets gone.
struct SyntaxTree: Hashable, Sendable {
    var blocks: [ServerBlockSyntax] = []
}

/// `KEY… { DIRECTIVE… }`.
struct ServerBlockSyntax: Hashable, Sendable {
    let keys: [Token]
    let directives: [DirectiveSyntax]
}

/// A line with an optional block of further lines.
struct DirectiveSyntax: Hashable, Sendable {
    let name: Token
    let arguments: [Token]
    /// Nil without braces.
    let block: [DirectiveSyntax]?

    /// The last word of the line: where something is missing.
    var last: Token { arguments.last ?? name }
    var lines: [DirectiveSyntax] { block ?? [] }
}
