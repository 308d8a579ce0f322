// What Go's text/template makes of it, as far as it is understood here.

import Testing

@testable import Plugins

@Suite("Templates")
struct GoTemplateTests {
    private let data = TemplateValue.map([
        "Name": .string("a-1.example.org."), "Match": .list([.string("a-1"), .string("1")]),
        "Group": .map(["n": .string("1")]), "Question": .map(["Qtype": .integer(1)]), "Empty": .string(""),
    ])

    @Test(
        "are filled in as Go does it",
        arguments: [
            ("{{ .Name }} 60", "a-1.example.org. 60"), ("x{{- 1 -}} y", "x1y"), ("{{/* no */}}a", "a"),
            ("{{ index .Match 1 }}{{ .Group.n }}", "11"), ("{{ .Question.Qtype }}", "1"),
            ("{{ if .Empty }}a{{ else if .Name }}b{{ else }}c{{ end }}", "b"),
            ("{{ range $i, $m := .Match }}{{ $i }}={{ $m }};{{ end }}", "0=a-1;1=1;"),
            ("{{ with .Group }}{{ .n }}{{ $.Name }}{{ end }}", "1a-1.example.org."),
            ("{{ $x := index .Match 1 }}{{ $x }}", "1"), ("{{ printf \"%03d-%s\" 7 .Group.n }}", "007-1"),
            ("{{ parseInt .Group.n 10 64 | printf \"%02x\" }}", "01"), ("{{ len .Match }}", "2"),
            ("{{ eq .Group.n `2` `1` }}{{ and 1 0 }}{{ or 0 `z` }}{{ not true }}", "true0zfalse"),
            ("{{ (index .Match 0) | printf `%q` }}", "\"a-1\""), ("{{ lt 1 2 }}{{ ge 1 2 }}", "truefalse"),
        ]
    )
    func filled(_ text: String, _ result: String) throws {
        #expect(try GoTemplate(text).filled(with: data) == result)
    }

    @Test(
        "are refused with the place of the mistake",
        arguments: [
            ("a {{ .Name", "unclosed action", 2), ("{{ nothing }}", "function \"nothing\" not defined", 3),
            ("{{ if 1 }}x", "unexpected EOF", 11), ("{{ end }}", "unexpected {{end}}", 9),
            ("{{ $x }}", "undefined variable \"$x\"", 3), ("{{ \"a }}", "unterminated quoted string", 3),
            ("{{ template `x` }}", "{{template}} is not supported here", 3),
            ("{{ }}", "missing value for command", 3),
        ]
    )
    func refused(_ text: String, _ problem: String, _ offset: Int) {
        let flaw = #expect(throws: GoTemplate.Flaw.self) { try GoTemplate(text) }
        #expect(flaw?.problem == problem)
        #expect(flaw?.offset == offset)
    }

    @Test("do not nest without end")
    func nesting() {
        let text = "{{ " + String(repeating: "(", count: 100_000)
        #expect(throws: GoTemplate.Flaw.self) { try GoTemplate(text) }
        let lists = String(repeating: "{{ if 1 }}", count: 10_000)
        #expect(throws: GoTemplate.Flaw.self) { try GoTemplate(lists) }
    }
}
