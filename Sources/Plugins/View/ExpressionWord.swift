// The words of an expression: names, texts in quotes, numbers, signs.

/// One word of an expression.
enum ExpressionWord: Equatable {
    case name(String)
    case text(String)
    case number(Int)
    case sign(String)
    case end
}

extension ExpressionWord {
    /// All words with their places, in scalars; the last is the end.
    static func words(of text: String) throws(ViewExpression.Flaw) -> [(word: Self, offset: Int)] {
        let scalars = Array(text.unicodeScalars)
        var words: [(word: Self, offset: Int)] = []
        var at = 0
        while at < scalars.count {
            let scalar = scalars[at]
            let start = at
            let isPart = { (scalar: Unicode.Scalar) in scalar == "_" || scalar.properties.isAlphabetic }
            if scalar.properties.isWhitespace {
                at += 1
            } else if scalar == "'" || scalar == "\"" || scalar == "`" {
                words.append((.text(try quoted(scalars, &at)), start))
            } else if ("0"..."9").contains(scalar) {
                while at < scalars.count, ("0"..."9").contains(scalars[at]) { at += 1 }
                let digits = String(String.UnicodeScalarView(scalars[start..<at]))
                guard let number = Int(digits) else {
                    throw ViewExpression.Flaw(offset: start, problem: "\(digits) is too large")
                }
                words.append((.number(number), start))
            } else if isPart(scalar) {
                while at < scalars.count, isPart(scalars[at]) || ("0"..."9").contains(scalars[at]) { at += 1 }
                words.append((.name(String(String.UnicodeScalarView(scalars[start..<at]))), start))
            } else {
                let pair = String(String.UnicodeScalarView(scalars[start..<min(start + 2, scalars.count)]))
                let isPair = ["==", "!=", "<=", ">=", "&&", "||"].contains(pair)
                let sign = isPair ? pair : String(scalar)
                guard isPair || ["(", ")", "[", "]", ",", "<", ">", "!"].contains(sign) else {
                    throw ViewExpression.Flaw(offset: start, problem: "unrecognized character: \(sign)")
                }
                at += isPair ? 2 : 1
                words.append((.sign(sign), start))
            }
        }
        return words + [(.end, scalars.count)]
    }

    /// A backslash takes the next character as it is; not between back quotes.
    private static func quoted(
        _ scalars: [Unicode.Scalar],
        _ at: inout Int
    ) throws(ViewExpression.Flaw) -> String {
        let (start, quote) = (at, scalars[at])
        var text = String.UnicodeScalarView()
        at += 1
        while at < scalars.count, scalars[at] != quote {
            if scalars[at] == "\\", quote != "`", at + 1 < scalars.count { at += 1 }
            text.append(scalars[at])
            at += 1
        }
        guard at < scalars.count else {
            throw ViewExpression.Flaw(offset: start, problem: "literal not terminated")
        }
        at += 1
        return String(text)
    }
}
