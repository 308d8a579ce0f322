// The shape of a Corefile, before anybody knows what its words mean.

/// Server blocks in file order, imports expanded, snippets gone.
package struct SyntaxTree: Hashable, Sendable {
    package var blocks: [ServerBlockSyntax] = []
}

/// `KEY… { DIRECTIVE… }`.
package struct ServerBlockSyntax: Hashable, Sendable {
    /// Without their commas, never none.
    package let keys: [Token]
    package let directives: [DirectiveSyntax]
}

/// A line with an optional block of further lines.
package struct DirectiveSyntax: Hashable, Sendable {
    package let name: Token
    package let arguments: [Token]
    /// Nil without braces.
    package let block: [DirectiveSyntax]?

    /// The last word of the line: where something is missing.
    package var last: Token { arguments.last ?? name }
    package var lines: [DirectiveSyntax] { block ?? [] }
}
