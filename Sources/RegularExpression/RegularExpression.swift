// Regular expressions in the syntax of Go and RE2, matched in time proportional to pattern times text: a pattern
// of a Corefile meets names that strangers choose, so nothing here backtracks.
//
// A pattern becomes a program (`Compiler`) that `Matcher` runs on all ways at once (Pike's machine; Cox, "Regular
// Expression Matching: the Virtual Machine Approach", 2009).

/// A pattern that was understood.
package struct RegularExpression: Hashable, Sendable {
    /// As it was written.
    package let pattern: String
    let program: Program

    /// Why a text is no pattern, in Go's words: `error parsing regexp: missing closing ): `(a``.
    package struct Flaw: Error, Hashable, Sendable, CustomStringConvertible {
        let problem: String
        let fragment: String

        package var description: String { "error parsing regexp: \(problem): `\(fragment)`" }
    }

    package init(_ pattern: String) throws(Flaw) {
        self.pattern = pattern
        var parser = PatternParser(pattern)
        program = try Compiler.program(for: parser.parse(), groups: parser.groupNames)
    }

    package static func == (left: RegularExpression, right: RegularExpression) -> Bool {
        left.pattern == right.pattern
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(pattern) }

    /// Names of the groups by number; group 0 is the whole match and has none.
    package var groupNames: [String?] { program.groupNames }
}

// MARK: - Matching

extension RegularExpression {
    /// What matched, and its groups.
    package struct Match: Hashable, Sendable {
        /// By number; nil for a group that took no part. The first is the whole match.
        package let groups: [String?]
    }

    /// Whether the pattern matches anywhere in `text`.
    package func matches(_ text: String) -> Bool {
        Matcher(program, Array(text.unicodeScalars)).run() != nil
    }

    /// The leftmost match, preferring what stands first in the pattern, as Perl and Go do.
    package func firstMatch(in text: String) -> Match? {
        let scalars = Array(text.unicodeScalars)
        guard let places = Matcher(program, scalars).run() else { return nil }
        let groups = stride(from: 0, to: places.count, by: 2).map { index -> String? in
            guard places[index] >= 0, places[index + 1] >= places[index] else { return nil }
            var group = String.UnicodeScalarView()
            group.append(contentsOf: scalars[places[index]..<places[index + 1]])
            return String(group)
        }
        return Match(groups: groups)
    }
}
