// Words, quotes, comments, braces and environment references of one file.

import Corefile
import Testing

@Suite("Tokens")
struct TokenizerTests {
    private static func tokens(_ text: String, environment: [String: String] = [:]) -> [Token] {
        let check = Check(sources: .files([:], environment: environment), defaultPort: 53)
        return Tokenizer.tokens(of: text, file: "Corefile", check: check)
    }

    @Test(
        "are the words of a text",
        arguments: [
            ("", []),
            (" \t\r\n", []),
            ("a b\tc\u{00a0}d\u{2003}e", ["a", "b", "c", "d", "e"]),
            ("\u{feff}a", ["a"]),
            ("a\rb\r\nc", ["ab", "c"]),
            ("# only a comment", []),
            ("a # b\nc", ["a", "c"]),
            ("a#b c\nd", ["a", "d"]),
            ("cache{ }x { }", ["cache{", "}x", "{", "}"]),
            (#""two words" "" x"#, ["two words", "", "x"]),
            (#""a \"b\" \n \\" c"#, [#"a "b" \n \\"#, "c"]),
            (#"a"b c"#, [#"a"b"#, "c"]),
            (#""a"b"#, ["a", "b"]),
            ("\"# no\ncomment\"", ["# no\ncomment"]),
            ("\"open", ["open"]),
        ] as [(String, [String])]
    )
    func words(_ text: String, _ expected: [String]) {
        #expect(Self.tokens(text).map(\.text) == expected)
    }

    @Test("know where they stand and whether they start a line")
    func places() {
        let tokens = Self.tokens("a b\n  \"c\nd\" é e\n\tf")
        #expect(
            tokens.map(\.location.description) == [
                "Corefile:1:1", "Corefile:1:3", "Corefile:2:3", "Corefile:3:4", "Corefile:3:6",
                "Corefile:4:2",
            ]
        )
        #expect(tokens.map(\.startsLine) == [true, false, true, false, false, true])
        #expect(tokens.map(\.isQuoted) == [false, false, true, false, false, false])
    }

    @Test(
        "have references to the environment replaced and stay one token",
        arguments: [
            ("{$A}", "one"), ("{%A%}", "one"), ("x{$A}y{%B%}z", "xoneytwo wordsz"), ("\"{$B}\"", "two words"),
            ("{$NONE}x", "x"), ("{$}{$A}", "{$}{$A}"), ("{$A", "{$A"), ("{A}", "{A}"), ("{$LOOP}", "{$LOOP}"),
        ]
    )
    func environment(_ text: String, _ expected: String) {
        let environment = ["A": "one", "B": "two words", "LOOP": "{$LOOP}"]
        #expect(Self.tokens(text, environment: environment).map(\.text) == [expected])
    }

    @Test("that come from a variable that is not set are warned about")
    func unsetVariable() {
        #expect(
            check(". {\n log {$NOBODY}x\n}").diagnostics.map(\.description) == [
                """
                Corefile:2:6: warning: environment variable 'NOBODY' is not set, it counts as empty
                    set it in the container's environment
                """
            ]
        )
    }
}
