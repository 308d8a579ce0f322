// Go's semantics in tables: what matches where, with which groups, and what is refused in which words.

import RegularExpression
import Testing

@Suite("Regular expressions")
struct RegularExpressionTests {
    /// Pattern, text, and the groups of the match; nil where there is none.
    struct Case: Sendable {
        let pattern: String
        let text: String
        let groups: [String?]?

        init(_ pattern: String, _ text: String, _ groups: [String?]?) {
            self.pattern = pattern
            self.text = text
            self.groups = groups
        }
    }

    static let plain = [
        Case("abc", "xabcx", ["abc"]), Case("a.c", "abc", ["abc"]), Case("a.c", "a\nc", nil),
        Case("(?s)a.c", "a\nc", ["a\nc"]), Case("^a", "ba", nil), Case("(?m)^a", "b\na", ["a"]),
        Case("a$", "ab", nil), Case("a$", "ba", ["a"]), Case("", "x", [""]), Case("ab|cd", "xcd", ["cd"]),
        Case("|a", "a", [""]), Case("é+", "caféé", ["éé"]), Case(".", "é", ["é"]),
        Case("a/b", "a/b", ["a/b"]),
    ]
    static let repeats = [
        Case("a*", "aaa", ["aaa"]), Case("a*?", "aaa", [""]), Case("a+?", "aaa", ["a"]),
        Case("(?U)a+", "aaa", ["a"]), Case("a{2}", "aaa", ["aa"]), Case("a{2,}", "aaaa", ["aaaa"]),
        Case("a{1,2}", "aaaa", ["aa"]), Case("a{,2}", "a{,2}", ["a{,2}"]), Case("a{1,2}?", "aaaa", ["a"]),
        Case("x{0}y", "xy", ["y"]), Case("(a*)*", "b", ["", ""]), Case("(a|b)*", "ab", ["ab", "b"]),
    ]
    static let groups = [
        Case("(a|ab)(c|bcd)", "abcd", ["abcd", "a", "bcd"]),
        Case("(a|ab)(c|bcd)(d*)", "abcd", ["abcd", "a", "bcd", ""]),
        Case("(?:a|b)+", "abba", ["abba"]), Case("(a)|(b)", "b", ["b", nil, "b"]),
        Case("(?i)AbC", "aBc", ["aBc"]), Case("(?i:a)B", "AB", ["AB"]), Case("(?i:a)B", "Ab", nil),
        Case("(a(?i)b)C", "aBC", ["aBC", "aB"]),
        Case("(?P<first>a)(?<second>b)", "ab", ["ab", "a", "b"]),
        Case(#"^(.*)\.my\.local\.$"#, "x.y.my.local.", ["x.y.my.local.", "x.y"]),
        Case(
            "(^|[.])ip-(?P<a>[0-9]*)-(?P<b>[0-9]*)[.]example[.]com[.]$",
            "ip-10-9.example.com.",
            ["ip-10-9.example.com.", "", "10", "9"]
        ),
    ]
    static let classes = [
        Case("[a-c]+", "xabcd", ["abc"]), Case("[^a-c]+", "abxyc", ["xy"]), Case("[]a]+", "a]", ["a]"]),
        Case("[a-]+", "-a", ["-a"]), Case(#"[\d-]+"#, "x1-2", ["1-2"]),
        Case(#"\d+\.\w+\s\S"#, "10.a_b c", ["10.a_b c"]), Case("[[:alpha:]]+", "12ab3", ["ab"]),
        Case("[[:^digit:]]+", "12ab3", ["ab"]), Case(#"\bfoo\b"#, "a foo b", ["foo"]),
        Case(#"\Boo"#, "foo", ["oo"]), Case(#"\Qa.b\E+"#, "a.bb", ["a.bb"]),
        Case(#"\x41\x{42}\103"#, "ABC", ["ABC"]), Case(#"\A(\w+)\z"#, "ab", ["ab", "ab"]),
    ]

    @Test("match as Go's do", arguments: plain + repeats + groups + classes)
    func matches(_ example: Case) throws {
        let expression = try RegularExpression(example.pattern)
        #expect(expression.firstMatch(in: example.text)?.groups == example.groups)
        #expect(expression.matches(example.text) == (example.groups != nil))
    }

    @Test(
        "are refused in Go's words",
        arguments: [
            ("(a", "missing closing ): `(a`"), ("a)", "unexpected ): `a)`"),
            ("[a", "missing closing ]: `[a`"),
            ("*a", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("a{1001}", "invalid repeat count: `{1001}`"), ("a{2,1}", "invalid repeat count: `{2,1}`"),
            (#"\1"#, #"invalid escape sequence: `\1`"#), (#"\y"#, #"invalid escape sequence: `\y`"#),
            ("a\\", "trailing backslash at end of expression: ``"),
            ("[z-a]", "invalid character class range: `z-a`"),
            ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?<n>a)(?<n>b)", "duplicate capture group name: `n`"),
            (#"\pL"#, #"Unicode classes are not supported here: `\p`"#),
            ("((((a{100}){100}){100}){100})", "expression too large: ``"),
        ]
    )
    func refused(_ pattern: String, _ problem: String) {
        let flaw = #expect(throws: RegularExpression.Flaw.self) { try RegularExpression(pattern) }
        #expect(flaw?.description == "error parsing regexp: " + problem)
    }

    @Test("do not nest without end")
    func nesting() {
        let pattern = String(repeating: "(", count: 100_000)
        #expect(throws: RegularExpression.Flaw.self) { try RegularExpression(pattern) }
    }

    @Test(
        "take time in proportion to the text, whatever the pattern",
        arguments: [
            "^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(.*)*x", "((a*)*)*b", "a?a?a?a?a?a?a?a?a?a?aaaaaaaaaab",
        ]
    )
    func linear(_ pattern: String) throws {
        // A machine that backtracks would not come back before the sun has burnt out.
        let expression = try RegularExpression(pattern)
        #expect(!expression.matches(String(repeating: "a", count: 500) + "!"))
    }

    @Test("have names for their groups")
    func names() throws {
        #expect(try RegularExpression("(?P<a>x)(y)(?<b>z)").groupNames == [nil, "a", nil, "b"])
    }
}
