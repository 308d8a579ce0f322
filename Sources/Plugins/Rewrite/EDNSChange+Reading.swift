// How an `edns0` rule is read: `local ACTION CODE DATA`, `nsid ACTION`, `subnet ACTION V4BITS V6BITS`.

import Corefile

extension EDNSChange {
    /// The option of RFC 5001, and that of RFC 7871.
    static let nsid: UInt16 = 3
    static let subnet: UInt16 = 8

    static let variables: Set<String> = [
        "{qname}", "{qtype}", "{client_ip}", "{client_port}", "{protocol}", "{server_ip}", "{server_port}",
    ]

    init(reading words: inout Words, _ block: BlockContext) throws(Diagnostic) {
        let form = "edns0 local|nsid|subnet ACTION …"
        let kind = try words.next(form)
        let actionWord = try words.next(form)
        guard let action = Action(rawValue: actionWord.text.lowercased()) else {
            throw Diagnostic(
                at: actionWord.location,
                "invalid action: \"\(actionWord.text)\"",
                hint: "known: " + Action.allCases.map(\.rawValue).joined(separator: ", ")
            )
        }
        switch kind.text.lowercased() {
        case "nsid":
            self.init(action: action, code: Self.nsid, value: action == .unset ? .nothing : .octets([]))
        case "subnet":
            guard action != .unset else {
                self.init(action: action, code: Self.subnet, value: .nothing)
                break
            }
            let v4 = try Self.bits(&words, 32)
            self.init(
                action: action,
                code: Self.subnet,
                value: .subnet(v4: v4, v6: try Self.bits(&words, 128))
            )
        case "local":
            let code = try Self.code(&words)
            guard action != .unset else {
                self.init(action: action, code: code, value: .nothing)
                break
            }
            self.init(action: action, code: code, value: try Self.value(try words.next(form), block))
        default:
            throw Diagnostic(
                at: kind.location,
                "invalid rule type \"\(kind.text)\"",
                hint: "known: local, nsid, subnet"
            )
        }
        // An upstream's options never reach a client, so there is nothing to take back.
        if words.peek?.text.lowercased() == "revert" { words.skip() }
    }

    private static func bits(_ words: inout Words, _ most: Int) throws(Diagnostic) -> Int {
        let token = try words.next("edns0 subnet ACTION V4BITS V6BITS")
        guard let bits = Int(token.text), (0...most).contains(bits) else {
            throw Diagnostic(
                at: token.location,
                "invalid bit mask length \(token.text)",
                hint: "write a number from 0 to \(most)"
            )
        }
        return bits
    }

    private static func code(_ words: inout Words) throws(Diagnostic) -> UInt16 {
        let token = try words.next("edns0 local ACTION CODE DATA")
        let isHexadecimal = token.text.hasPrefix("0x")
        let digits = isHexadecimal ? token.text.dropFirst(2) : token.text[...]
        guard let code = UInt16(digits, radix: isHexadecimal ? 16 : 10) else {
            throw Diagnostic(
                at: token.location,
                "invalid option code \(token.text)",
                hint: "write a number, such as 0xffee"
            )
        }
        return code
    }

    private static func value(_ token: Token, _ block: BlockContext) throws(Diagnostic) -> Value {
        let text = token.text
        if text.hasPrefix("{"), text.hasSuffix("}") {
            if text.contains("/") {
                block.warn(
                    at: token,
                    "metadata \(text) is empty here",
                    hint: "known: " + variables.sorted().joined(separator: " ")
                )
                return .octets([])
            }
            guard variables.contains(text) else {
                throw Diagnostic(
                    at: token.location,
                    "unsupported variable name \"\(text)\"",
                    hint: "known: " + variables.sorted().joined(separator: " ")
                )
            }
            return .variable(text)
        }
        guard text.hasPrefix("0x") else { return .octets(Array(text.utf8)) }
        let digits = Array(text.utf8.dropFirst(2))
        let octets = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
        guard digits.count % 2 == 0, octets.count == digits.count / 2 else {
            throw Diagnostic(
                at: token.location,
                "invalid hexadecimal data \(text)",
                hint: "write an even number of digits behind 0x"
            )
        }
        return .octets(octets)
    }
}
