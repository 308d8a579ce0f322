// A record in the words of a zone file (RFC 1035, 5.1), as templates make them: `www.example.org. 60 IN A 192.0.2.1`.

import Addresses
import DNSWire

extension ResourceRecord {
    /// What is wrong with a text.
    struct TextFlaw: Error, Sendable {
        let description: String
    }

    /// Nil for an empty text, which is no record and no mistake. TTL and class may be left out (3600, IN).
    static func read(_ text: String) throws(TextFlaw) -> ResourceRecord? {
        var words = RecordWords(text)
        guard let owner = words.next() else { return nil }
        guard let name = DomainName(owner) else {
            throw TextFlaw(description: "bad owner name: \"\(owner)\"")
        }
        var timeToLive: UInt32 = 3600
        var recordClass = RecordClass.internet
        var type: RecordType?
        while type == nil, let word = words.next() {
            if let seconds = UInt32(word) {
                timeToLive = seconds
            } else if let known = RecordClass(word) {
                recordClass = known
            } else if let known = RecordType(word) {
                type = known
            } else {
                throw TextFlaw(description: "unknown type: \"\(word)\"")
            }
        }
        guard let type else { throw TextFlaw(description: "no type in \"\(text)\"") }
        let data = try words.data(of: type)
        if let rest = words.next() { throw TextFlaw(description: "garbage after \(type): \"\(rest)\"") }
        return ResourceRecord(name.wire, type, class: recordClass, timeToLive: timeToLive, data: data)
    }
}

/// The words of a record; quotes hold words together, parentheses mean nothing.
struct RecordWords {
    private var words: ArraySlice<String>

    init(_ text: String) {
        var words: [String] = []
        var word: String?
        var isQuoted = false
        var isEscaped = false
        for character in text {
            if isEscaped {
                word = (word ?? "") + "\\\(character)"
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                isQuoted.toggle()
                word = word ?? ""
            } else if !isQuoted, character.isWhitespace || character == "(" || character == ")" {
                if let word { words.append(word) }
                word = nil
            } else if !isQuoted, character == ";" {
                break
            } else {
                word = (word ?? "") + String(character)
            }
        }
        if let word { words.append(word) }
        self.words = words[...]
    }

    mutating func next() -> String? { words.popFirst() }

    /// RDATA from the remaining words.
    mutating func data(of type: RecordType) throws(ResourceRecord.TextFlaw) -> [UInt8] {
        if words.first == "\\#" { return try generic() }
        switch type {
        case .a, .aaaa:
            let text = try word(type)
            guard let address = IPAddress(text), (address.family == .v4) == (type == .a) else {
                throw flaw("bad \(type)", text)
            }
            return address.bytes
        case .ns, .cname, .ptr, .dname: return try name(type)
        case .mx: return try number16(type) + name(type)
        case .srv: return try number16(type) + number16(type) + number16(type) + name(type)
        case .soa:
            let names = try name(type) + name(type)
            return try names + number32(type) + number32(type) + number32(type) + number32(type)
                + number32(type)
        case .txt, RecordType(rawValue: 99): return try strings(type)
        case .hinfo: return try string(word(type)) + string(word(type))
        case RecordType(rawValue: 35):
            let numbers = try number16(type) + number16(type)
            return try numbers + string(word(type)) + string(word(type)) + string(word(type)) + name(type)
        case RecordType(rawValue: 257):
            let flags = try word(type)
            guard let flags = UInt8(flags) else { throw flaw("bad CAA flags", flags) }
            return try [flags] + string(word(type)) + Self.octets(word(type))
        default:
            throw flaw("type is not understood in words, write \\# LENGTH HEX", "\(type)")
        }
    }

    // MARK: - Fields

    /// RFC 3597, 5: `\# 4 c0000201`.
    private mutating func generic() throws(ResourceRecord.TextFlaw) -> [UInt8] {
        _ = next()
        let count = Int(next() ?? "")
        let digits = Array(words.joined().utf8)
        words = []
        let octets = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
        guard digits.count % 2 == 0, octets.count == digits.count / 2, octets.count == count else {
            throw flaw("bad \\# data", String(decoding: digits, as: UTF8.self))
        }
        return octets
    }

    private mutating func word(_ type: RecordType) throws(ResourceRecord.TextFlaw) -> String {
        guard let word = next() else { throw ResourceRecord.TextFlaw(description: "\(type) ends too early") }
        return word
    }

    private mutating func name(_ type: RecordType) throws(ResourceRecord.TextFlaw) -> [UInt8] {
        let text = try word(type)
        guard let name = DomainName(text) else { throw flaw("bad name in \(type)", text) }
        return name.wire
    }

    private mutating func number16(_ type: RecordType) throws(ResourceRecord.TextFlaw) -> [UInt8] {
        let text = try word(type)
        guard let number = UInt16(text) else { throw flaw("bad number in \(type)", text) }
        return [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)]
    }

    private mutating func number32(_ type: RecordType) throws(ResourceRecord.TextFlaw) -> [UInt8] {
        let text = try word(type)
        guard let number = UInt32(text) else { throw flaw("bad number in \(type)", text) }
        return (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32($0))) }
    }

    private mutating func strings(_ type: RecordType) throws(ResourceRecord.TextFlaw) -> [UInt8] {
        var data = try string(word(type))
        while let more = next() { data += try string(more) }
        return data
    }

    private func string(_ text: String) throws(ResourceRecord.TextFlaw) -> [UInt8] {
        let octets = Self.octets(text)
        guard octets.count <= 255 else { throw flaw("string is too long", text) }
        return [UInt8(octets.count)] + octets
    }

    /// Without backslashes.
    private static func octets(_ text: String) -> [UInt8] {
        var isEscaped = false
        return text.utf8.filter { byte in
            defer { isEscaped = byte == UInt8(ascii: "\\") && !isEscaped }
            return byte != UInt8(ascii: "\\") || isEscaped
        }
    }

    private func flaw(_ problem: String, _ text: String) -> ResourceRecord.TextFlaw {
        ResourceRecord.TextFlaw(description: "\(problem): \"\(text)\"")
    }
}
