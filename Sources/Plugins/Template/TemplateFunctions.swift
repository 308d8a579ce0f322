// The functions of text/template that make sense for a record, and CoreDNS' own `parseInt`.

enum TemplateFunctions {
    static let names: Set<String> = [
        "and", "or", "not", "len", "index", "slice", "print", "println", "printf", "eq", "ne", "lt", "le",
        "gt",
        "ge", "parseInt",
    ]

    /// Calls a method with its argument; everything else takes none.
    static func apply(
        _ value: TemplateValue,
        to arguments: [TemplateValue]
    ) throws(TemplateFailure) -> TemplateValue {
        if case .method(let values) = value {
            guard arguments.count == 1, case .string(let name) = arguments[0] else {
                throw failure("wrong number of args for method: want 1 got \(arguments.count)")
            }
            return .string(values[name] ?? "")
        }
        guard arguments.isEmpty else { throw failure("can't give argument to non-function \(value.text)") }
        return value
    }

    static func call(_ name: String, _ arguments: [TemplateValue]) throws(TemplateFailure) -> TemplateValue {
        switch name {
        case "and", "or":
            guard let last = arguments.last else { throw failure("wrong number of args for \(name)") }
            return last
        case "not":
            try require(arguments, 1...1, name)
            return .bool(!arguments[0].isTrue)
        case "len":
            try require(arguments, 1...1, name)
            return .integer(try length(arguments[0]))
        case "index":
            try require(arguments, 1...8, name)
            var value = arguments[0]
            for key in arguments.dropFirst() { value = try element(key, of: value) }
            return value
        case "slice":
            try require(arguments, 1...3, name)
            return try slice(arguments[0], arguments.dropFirst())
        case "print": return .string(printed(arguments))
        case "println": return .string(arguments.map(\.text).joined(separator: " ") + "\n")
        case "printf":
            try require(arguments, 1...64, name)
            return .string(TemplateFormat.formatted(arguments[0].text, Array(arguments.dropFirst())))
        case "parseInt":
            try require(arguments, 3...3, name)
            return try parseInt(arguments)
        default: return .bool(try compare(name, arguments))
        }
    }

    // MARK: - One by one

    /// As Go's Sprint: a space between two operands of which neither is a string.
    private static func printed(_ arguments: [TemplateValue]) -> String {
        var text = ""
        for (index, argument) in arguments.enumerated() {
            if index > 0, !isString(argument), !isString(arguments[index - 1]) { text += " " }
            text += argument.text
        }
        return text
    }

    private static func isString(_ value: TemplateValue) -> Bool {
        if case .string = value { true } else { false }
    }

    private static func length(_ value: TemplateValue) throws(TemplateFailure) -> Int {
        switch value {
        case .string(let text): return text.utf8.count
        case .list(let values): return values.count
        case .map(let values): return values.count
        default: throw failure("len of type that has none: \(value.text)")
        }
    }

    private static func element(
        _ key: TemplateValue,
        of value: TemplateValue
    ) throws(TemplateFailure) -> TemplateValue {
        switch (value, key) {
        case (.list(let values), .integer(let index)):
            guard values.indices.contains(index) else { throw failure("index out of range: \(index)") }
            return values[index]
        case (.map(let values), .string(let name)): return values[name] ?? .string("")
        case (.string(let text), .integer(let index)):
            let octets = Array(text.utf8)
            guard octets.indices.contains(index) else { throw failure("index out of range: \(index)") }
            return .integer(Int(octets[index]))
        default: throw failure("can't index item \(key.text) of \(value.text)")
        }
    }

    private static func slice(
        _ value: TemplateValue,
        _ bounds: ArraySlice<TemplateValue>
    ) throws(TemplateFailure) -> TemplateValue {
        var places: [Int] = []
        for bound in bounds {
            guard case .integer(let place) = bound else { throw failure("cannot slice by \(bound.text)") }
            places.append(place)
        }
        let low = places.first ?? 0
        let high = try places.count > 1 ? places[1] : length(value)
        guard low >= 0, low <= high, high <= (try length(value)) else {
            throw failure("index out of range: \(low):\(high)")
        }
        switch value {
        case .string(let text):
            return .string(String(decoding: Array(text.utf8)[low..<high], as: UTF8.self))
        case .list(let values): return .list(Array(values[low..<high]))
        default: throw failure("can't slice item of \(value.text)")
        }
    }

    /// `parseInt TEXT BASE BITS`, Go's ParseUint.
    private static func parseInt(_ arguments: [TemplateValue]) throws(TemplateFailure) -> TemplateValue {
        guard case .string(let text) = arguments[0], case .integer(let base) = arguments[1],
            case .integer(let bits) = arguments[2]
        else { throw failure("wrong type of value for parseInt") }
        guard (2...36).contains(base), (0...64).contains(bits), !text.hasPrefix("+"),
            let number = UInt64(text, radix: base), let value = Int(exactly: number),
            bits == 0 || bits == 64 || number < 1 << UInt64(bits)
        else { throw failure("strconv.ParseUint: parsing \"\(text)\": invalid syntax") }
        return .integer(value)
    }

    private static func compare(
        _ name: String,
        _ arguments: [TemplateValue]
    ) throws(TemplateFailure) -> Bool {
        try require(arguments, 2...(name == "eq" ? 64 : 2), name)
        if name == "eq" { return arguments.dropFirst().contains(arguments[0]) }
        if name == "ne" { return arguments[0] != arguments[1] }
        let isLess: Bool
        let isGreater: Bool
        switch (arguments[0], arguments[1]) {
        case (.integer(let left), .integer(let right)): (isLess, isGreater) = (left < right, left > right)
        case (.string(let left), .string(let right)): (isLess, isGreater) = (left < right, left > right)
        default: throw failure("error calling \(name): incompatible types for comparison")
        }
        switch name {
        case "lt": return isLess
        case "le": return !isGreater
        case "gt": return isGreater
        default: return !isLess
        }
    }

    private static func require(
        _ arguments: [TemplateValue],
        _ count: ClosedRange<Int>,
        _ name: String
    ) throws(TemplateFailure) {
        guard count.contains(arguments.count) else {
            throw failure("wrong number of args for \(name): want \(count.lowerBound) got \(arguments.count)")
        }
    }

    private static func failure(_ text: String) -> TemplateFailure { TemplateFailure(description: text) }
}

/// Go's Sprintf, as far as integers and strings go.
enum TemplateFormat {
    static func formatted(_ format: String, _ arguments: [TemplateValue]) -> String {
        var result = ""
        var arguments = arguments[...]
        var characters = format.makeIterator()
        while let character = characters.next() {
            guard character == "%" else {
                result.append(character)
                continue
            }
            var options = ""
            var verb: Character?
            while let next = characters.next() {
                guard next.isNumber || next == "-" || next == "+" || next == "#" || next == " " else {
                    verb = next
                    break
                }
                options.append(next)
            }
            guard let verb else { return result + "%!(NOVERB)" }
            if verb == "%" {
                result += "%"
            } else if let argument = arguments.popFirst() {
                result += padded(text(of: argument, verb, options), options)
            } else {
                result += "%!\(verb)(MISSING)"
            }
        }
        return result
    }

    private static func text(of value: TemplateValue, _ verb: Character, _ options: String) -> String {
        switch (verb, value) {
        case ("v", _), ("s", .string), ("t", .bool): value.text
        case ("s", .list), ("s", .map): value.text
        case ("q", .string(let text)): "\"" + text.replacing("\"", with: "\\\"") + "\""
        case ("d", .integer(let number)): String(number)
        case ("b", .integer(let number)): String(number, radix: 2)
        case ("o", .integer(let number)): String(number, radix: 8)
        case ("x", .integer(let number)): (options.contains("#") ? "0x" : "") + String(number, radix: 16)
        case ("X", .integer(let number)): String(number, radix: 16, uppercase: true)
        case ("c", .integer(let number)): UnicodeScalar(UInt32(clamping: number)).map { String($0) } ?? "?"
        case ("x", .string(let text)):
            text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        default: "%!\(verb)(\(value.text))"
        }
    }

    private static func padded(_ text: String, _ options: String) -> String {
        let isLeft = options.contains("-")
        let digits = options.drop { !$0.isNumber }
        let width = min(Int(digits.prefix { $0.isNumber }) ?? 0, 255)
        guard text.count < width else { return text }
        let fill = String(repeating: digits.hasPrefix("0") && !isLeft ? "0" : " ", count: width - text.count)
        return isLeft ? text + fill : fill + text
    }
}
