// Limits are data: default, bounds, unit and reason of a number stand in one place, which the parser and the
// documents both read.

/// A number or duration that somebody may write into a Corefile.
package struct Setting<Value: Comparable & Sendable & CustomStringConvertible>: Sendable {
    /// As documents call it, such as `cache success TTL`.
    package let name: String
    /// What counts when nothing is written.
    package let defaultValue: Value
    package let allowed: ClosedRange<Value>
    /// Empty for counts and durations, which carry their unit.
    package let unit: String
    /// Why the bounds are what they are.
    package let reason: String
    /// CoreDNS' words for a value below the minimum; the value follows.
    let tooSmall: String?
    /// CoreDNS' words for a value above the maximum.
    let tooLarge: String?

    package init(
        _ name: String,
        default defaultValue: Value,
        allowed: ClosedRange<Value>,
        unit: String = "",
        because reason: String,
        tooSmall: String? = nil,
        tooLarge: String? = nil
    ) {
        self.name = name
        self.defaultValue = defaultValue
        self.allowed = allowed
        self.unit = unit
        self.reason = reason
        self.tooSmall = tooSmall
        self.tooLarge = tooLarge
    }

    /// Passes a value that lies within the bounds.
    package func checked(_ value: Value, at token: Token) throws(Diagnostic) -> Value {
        let hint =
            "write a value from \(shown(allowed.lowerBound)) to \(shown(allowed.upperBound)); "
            + "the default is \(shown(defaultValue))"
        if value < allowed.lowerBound {
            let text = tooSmall ?? "\(name) is below the minimum of \(shown(allowed.lowerBound))"
            throw Diagnostic(at: token.location, "\(text): \(value)", hint: hint)
        }
        if value > allowed.upperBound {
            let text = tooLarge ?? "\(name) is above the maximum of \(shown(allowed.upperBound))"
            throw Diagnostic(at: token.location, "\(text): \(value)", hint: hint)
        }
        return value
    }

    private func shown(_ value: Value) -> String { unit.isEmpty ? "\(value)" : "\(value) \(unit)" }

    /// The same without its type, for tables in documents.
    package var summary: SettingSummary {
        SettingSummary(
            name: name,
            defaultValue: shown(defaultValue),
            minimum: shown(allowed.lowerBound),
            maximum: shown(allowed.upperBound),
            reason: reason
        )
    }
}

/// A setting as a row of a table.
package struct SettingSummary: Hashable, Sendable {
    package let name: String
    package let defaultValue: String
    package let minimum: String
    package let maximum: String
    package let reason: String
}

// MARK: - Reading

extension Setting where Value == Int {
    /// Reads a decimal number with optional sign.
    package func read(_ token: Token) throws(Diagnostic) -> Int {
        guard let value = Int(token.text) else {
            throw Diagnostic(
                at: token.location,
                "\(name) is not a whole number: \"\(token.text)\"",
                hint: "write digits, such as \(defaultValue)"
            )
        }
        return try checked(value, at: token)
    }
}

extension Setting where Value == GoDuration {
    /// Reads a duration with its unit.
    package func read(_ token: Token) throws(Diagnostic) -> GoDuration {
        guard let value = GoDuration(token.text) else {
            let isBareNumber = Int(token.text) != nil
            throw Diagnostic(
                at: token.location,
                isBareNumber
                    ? "time: missing unit in duration \"\(token.text)\""
                    : "time: invalid duration \"\(token.text)\"",
                hint: isBareNumber
                    ? "write '\(token.text)s' for seconds"
                    : "write a number and a unit, such as 500ms, 10s or 1h30m"
            )
        }
        return try checked(value, at: token)
    }
}
