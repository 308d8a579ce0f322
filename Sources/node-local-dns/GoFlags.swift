// The flag syntax of Go, which node-cache's users write, turned into what swift-argument-parser reads:
// `-x v`, `-x=v` and `--x` become `-x=v`, a bare Boolean `-x=true`; the first word that is no flag, or `--`,
// ends the flags.

/// What is wrong with a flag, in Go's words.
enum GoFlagError: Error, Hashable, CustomStringConvertible {
    case notDefined(String)
    case needsArgument(String)
    case badSyntax(String)
    case invalidBoolean(flag: String, value: String)

    var description: String {
        switch self {
        case .notDefined(let flag): "flag provided but not defined: -\(flag)"
        case .needsArgument(let flag): "flag needs an argument: -\(flag)"
        case .badSyntax(let word): "bad flag syntax: \(word)"
        case .invalidBoolean(let flag, let value):
            "invalid boolean value \"\(value)\" for -\(flag): parse error"
        }
    }
}

/// The names of the known flags.
struct GoFlags {
    let booleans: Set<String>
    let values: Set<String>

    /// The flags in one spelling, and the words after them.
    func normalized(_ arguments: [String]) throws(GoFlagError) -> (words: [String], rest: [String]) {
        var result: [String] = []
        var rest = arguments[...]
        while let word = rest.first {
            guard word.hasPrefix("-"), word != "-" else { break }
            rest.removeFirst()
            if word == "--" { break }
            result.append(try normalized(word, &rest))
        }
        return (result, Array(rest))
    }

    private func normalized(_ word: String, _ rest: inout ArraySlice<String>) throws(GoFlagError) -> String {
        let body = word.hasPrefix("--") ? word.dropFirst(2) : word.dropFirst()
        guard let first = body.first, first != "-", first != "=" else { throw .badSyntax(word) }
        let parts = body.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        let value = parts.count == 2 ? String(parts[1]) : nil
        if booleans.contains(name) {
            guard let isTrue = Self.boolean(value ?? "true") else {
                throw .invalidBoolean(flag: name, value: value ?? "")
            }
            return "-\(name)=\(isTrue)"
        }
        if name == "h" || name == "help" { return "--help" }
        guard values.contains(name) else { throw .notDefined(name) }
        guard let value = value ?? rest.popFirst() else { throw .needsArgument(name) }
        return "-\(name)=\(value)"
    }

    /// The words that Go's `strconv.ParseBool` takes.
    private static func boolean(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        default: nil
        }
    }
}
