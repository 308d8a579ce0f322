// Which directives a Corefile may use, as a value: the list itself is `Plugins`', which knows them all. Both
// processes and the `check` command use the same one.

/// The directives of the program, and those that it refuses for a reason.
package struct DirectiveTable: Sendable {
    /// In the order of execution: the order of lines in a file does not matter, this does.
    package let directives: [any Directive.Type]
    /// Plugins of CoreDNS that make no sense here: why, and what to do instead.
    package let refused: [String: String]
    private let names: Set<String>

    package init(_ inOrder: [any Directive.Type], refusing refused: [String: String] = [:]) {
        directives = inOrder
        self.refused = refused
        names = Set(inOrder.map { $0.name })
    }

    /// Whether there is a directive of this name.
    func has(_ name: String) -> Bool { names.contains(name) }

    /// Why a name that is not in the table is refused.
    func refusal(of name: Token) -> Diagnostic {
        if let reason = refused[name.text] {
            return Diagnostic(
                at: name.location,
                "plugin '\(name.text)' is not available: \(reason)",
                hint: "remove the line"
            )
        }
        return Diagnostic(
            at: name.location,
            "Unknown directive '\(name.text)'",
            hint: Spelling.guess(name.text, among: directives.map { $0.name })
                ?? "'node-local-dns -plugins' lists what there is"
        )
    }
}
