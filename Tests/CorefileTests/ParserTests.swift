// Blocks, lines, snippets and imports: the shape that a text has.

import Corefile
import Testing

@Suite("Syntax trees")
struct ParserTests {
    /// A tree on one line: `keys{directive arg[inner]; directive}`.
    private static func outline(_ text: String, files: [String: String] = [:]) -> String {
        let check = Check(sources: .files(files), defaultPort: 53)
        let tree = Parser.parse(text, file: "dir/Corefile", check: check)
        let blocks = tree.blocks.map { block in
            block.keys.map(\.text).joined(separator: " ") + "{" + outline(block.directives) + "}"
        }
        let problems = check.diagnostics.map { "!" + $0.message }
        return (blocks + problems).joined(separator: " ")
    }

    private static func outline(_ lines: [DirectiveSyntax]) -> String {
        lines.map { line in
            let words = ([line.name] + line.arguments).map(\.text).joined(separator: " ")
            return words + (line.block.map { "[" + outline($0) + "]" } ?? "")
        }
        .joined(separator: "; ")
    }

    @Test(
        "have the shape of the text",
        arguments: [
            ("", ""),
            (". {\n}", ".{}"),
            (".\n{\n a\n}", ".{a}"),
            ("a b, c,\nd {\n}", "a b c d{}"),
            (". {\n a b c\n d {\n  e f\n  g {\n   h\n  }\n }\n a\n}", ".{a b c; d[e f; g[h]]; a}"),
            (". {\n a\n}\n b {\n c\n}", ".{a} b{c}"),
            (".\na b\nc {\n d\n}", ".{a b; c[d]}"),
            (". { a b }", ".{a b}"),
            (". {\n a { b c }\n d\n}", ".{a[b c]; d}"),
            (". {\n a \"{\" \"}\"\n}", ".{a { }}"),
        ]
    )
    func shape(_ text: String, _ expected: String) {
        #expect(Self.outline(text) == expected)
    }

    @Test(
        "hold what is imported in place of the import",
        arguments: [
            ("(s) {\n a\n b c\n}\n. {\n x\n import s\n y\n}", ".{x; a; b c; y}"),
            ("(s) {\n a {\n  b\n }\n}\n. {\n import s\n}\nc {\n import s\n}", ".{a[b]} c{a[b]}"),
            ("(s) {\n b\n}\n. {\n a {\n  import s\n }\n}", ".{a[b]}"),
            ("(s) {\n import t\n}\n(t) {\n a\n}\n. {\n import s\n}", ".{a}"),
            (". {\n import one\n import two.conf\n}", ".{a; b; c; d}"),
            ("import block.conf\n. {\n import empty.conf\n}", "file{e} .{}"),
            ("import ?lock.*", "file{e}"),
            (". {\n import /abs/*.conf\n}", ".{first; second}"),
            (". {\n x import one\n}", ".{x import one}"),
            (". {\n import /abs/nested\n}", ".{first; second}"),
            (". {\n import no*.conf\n}", ".{} !No files matching import glob pattern: no*.conf"),
        ]
    )
    func imports(_ text: String, _ expected: String) {
        let files = [
            "dir/one": "a\nb", "dir/two.conf": "c\nd\n", "dir/block.conf": "file {\n e\n}",
            "dir/empty.conf": "",
            "/abs/1.conf": "first", "/abs/2.conf": "second", "/abs/nested": "import 1.conf\nimport 2.conf",
        ]
        #expect(Self.outline(text, files: files) == expected)
    }

    @Test("may import one file from several places, also beside each other")
    func diamonds() {
        let files = ["dir/1.conf": "a\nimport 2.conf", "dir/2.conf": "b"]
        #expect(Self.outline(". {\n import *.conf\n import 2.conf\n}", files: files) == ".{a; b; b; b}")
    }

    @Test(
        "never hold an import of something into itself",
        arguments: [
            ("(s) {\n import s\n}\n. {\n import s\n}", ".{} !import of (s) inside of itself"),
            (
                "(s) {\n import t\n}\n(t) {\n import s\n}\n. {\n import s\n}",
                ".{} !import of (s) inside of itself"
            ),
            ("import dir/x\n. {\n}", ".{} !File to import not found: dir/x"),
            ("import Corefile\n. {\n}", ".{} !import of dir/Corefile inside of itself"),
        ]
    )
    func cycles(_ text: String, _ expected: String) {
        #expect(Self.outline(text, files: ["dir/Corefile": text]) == expected)
    }

    @Test("end where imports multiply beyond the caps")
    func caps() {
        var text = "(s0) {\n a\n}\n"
        for level in 1...30 { text += "(s\(level)) {\n import s\(level - 1)\n import s\(level - 1)\n}\n" }
        let outline = Self.outline(text + ". {\n import s30\n}")
        #expect(outline.hasSuffix("!too many snippets imported !Unexpected EOF"))
    }

    @Test("are not deeper than a stack")
    func nesting() {
        let depth = 100_000
        let text = ". {\n" + String(repeating: "a {\n", count: depth) + String(repeating: "}\n", count: depth)
        #expect(Self.outline(text + "b\n}").hasSuffix("!blocks are nested too deeply"))
        let braces = ". {\n" + String(repeating: "{\n", count: depth)
        #expect(Self.outline(braces).hasSuffix("!Unexpected EOF"))
    }

    @Test(
        "go on behind an error",
        arguments: [
            ("}\n. {\n a\n}", ".{a} !Unexpected '}' because no matching opening brace"),
            (". {\n a\n}\n}\nb {\n}", ".{a} b{} !Unexpected '}' because no matching opening brace"),
            (". {\n a\n {\n  b\n }\n c\n}", ".{a; c} !Unexpected token '{', expecting argument"),
            ("a, {\n b\n}", "a{b} !Expected another address but had '{' - check for extra comma"),
            ("a,", "a{} !Unexpected EOF"),
            (". {\n a {", ".{a[]} !Unexpected EOF !Unexpected EOF"),
            ("(s)\n. {\n}", ".{} !Syntax error: Unexpected token '.', expecting '{'"),
            ("{\n a\n}\n. {\n}", ".{} !block without a zone is ignored"),
        ]
    )
    func recovery(_ text: String, _ expected: String) {
        #expect(Self.outline(text) == expected)
    }
}
