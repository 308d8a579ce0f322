// What is wrong with a Corefile and where. A check never stops at the first error: it returns a list of
// these.

/// A place in a configuration text; lines and columns count from one, columns in Unicode scalars.
package struct SourceLocation: Hashable, Sendable {
    /// The path as it was opened, so that a terminal can jump there.
    package let file: String
    package let line: Int
    package let column: Int

    package init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }
}

extension SourceLocation: CustomStringConvertible {
    package var description: String { "\(file):\(line):\(column)" }
}

extension SourceLocation: Comparable {
    package static func < (left: SourceLocation, right: SourceLocation) -> Bool {
        (left.file, left.line, left.column) < (right.file, right.line, right.column)
    }
}

/// One finding of a check: an error refuses the configuration, a warning only speaks.
package struct Diagnostic: Error, Hashable, Sendable {
    /// How bad a finding is.
    package enum Severity: String, Sendable {
        case error
        case warning
    }

    package let severity: Severity
    package let location: SourceLocation
    /// CoreDNS' own words where it has some: people search for them.
    package let message: String
    /// The way out.
    package let hint: String?

    package init(
        _ severity: Severity = .error,
        at location: SourceLocation,
        _ message: String,
        hint: String? = nil
    ) {
        self.severity = severity
        self.location = location
        self.message = message
        self.hint = hint
    }
}

extension Diagnostic: CustomStringConvertible {
    /// `file:line:column: error: text`, the hint on an indented second line.
    package var description: String {
        let line = "\(location): \(severity.rawValue): \(message)"
        guard let hint else { return line }
        return line + "\n    " + hint
    }

    /// The same on one line, for logs.
    package var onOneLine: String {
        let line = "\(location): \(severity.rawValue): \(message)"
        guard let hint else { return line }
        return line + " (" + hint + ")"
    }
}
