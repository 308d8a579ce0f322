// The wire form of the tests' messages, both ways.

internal import Addresses
internal import DNSWire

// MARK: - Writing

extension Message {
    /// The octets; with `compressed`, owner names equal to the question's become pointers to it.
    package func encoded(compressed: Bool = true) -> [UInt8] {
        var bytes: [UInt8] = []
        let counts = [
            questions.count, answers.count, authority.count, additional.count + (opt == nil ? 0 : 1),
        ]
        for word in [id, flags] + counts.map({ UInt16($0) }) { bytes += Self.octets(word) }
        for question in questions {
            bytes += Self.name(question.name)
            bytes += Self.octets(question.type.rawValue) + Self.octets(question.recordClass.rawValue)
        }
        for entry in answers + authority + additional {
            bytes += owner(entry.name, compressed: compressed)
            bytes += Self.octets(entry.type.rawValue) + Self.octets(entry.recordClass.rawValue)
            bytes +=
                Self.octets(UInt16(entry.timeToLive >> 16)) + Self.octets(UInt16(entry.timeToLive & 0xffff))
            let data = Self.data(entry)
            bytes += Self.octets(UInt16(data.count)) + data
        }
        if let opt { bytes += opt.encoded }
        return bytes
    }

    private func owner(_ name: String, compressed: Bool) -> [UInt8] {
        compressed && name.lowercased() == questions.first?.name.lowercased() ? [0xc0, 12] : Self.name(name)
    }

    static func octets(_ word: UInt16) -> [UInt8] { [UInt8(word >> 8), UInt8(word & 0xff)] }

    /// Labels without escapes, in their spelling.
    package static func name(_ text: String) -> [UInt8] {
        text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + $0.utf8 } + [0]
    }

    private static func data(_ entry: Entry) -> [UInt8] {
        let words = entry.data.split(separator: " ").map(String.init)
        let numbers = words.map { UInt32($0) ?? 0 }
        let wide = { (number: UInt32) in octets(UInt16(number >> 16)) + octets(UInt16(number & 0xffff)) }
        return switch entry.type {
        case .a, .aaaa: IPAddress(entry.data)?.bytes ?? []
        case .ns, .cname, .ptr, .dname: name(entry.data)
        case .mx: octets(UInt16(numbers[0])) + name(words[1])
        case .srv: numbers[..<3].flatMap { octets(UInt16($0)) } + name(words[3])
        case .soa: name(words[0]) + name(words[1]) + numbers[2...].flatMap(wide)
        case .txt: [UInt8(entry.data.utf8.count)] + entry.data.utf8
        // Type covered, algorithm, labels, original TTL, expiration, inception, key tag, signer, a signature.
        case .rrsig: hex("0001 0d 02 0000003c") + numbers.flatMap(wide) + hex("1234 00 abcd")
        default: hex(entry.data)
        }
    }
}

extension Message.OPT {
    /// The record on the wire (RFC 6891, 6.1.2).
    package var encoded: [UInt8] {
        [0, 0, 41] + Message.octets(size) + [extendedCode, version] + Message.octets(flags)
            + Message.octets(UInt16(options.count)) + options
    }
}

// MARK: - Reading

extension Message {
    /// Nil when anything is malformed: a pointer that does not lead backwards or leads into
    /// the header, a count that promises more
    /// than there is, octets behind the last record, two OPT records.
    package init?(_ bytes: [UInt8]) {
        var reader = Reader(bytes: bytes)
        guard let id = reader.word(), let flags = reader.word() else { return nil }
        self.id = id
        self.flags = flags
        guard let questionCount = reader.word(), let answerCount = reader.word(),
            let authorityCount = reader.word(), let additionalCount = reader.word()
        else { return nil }
        for _ in 0..<questionCount {
            guard let name = reader.name(), let type = reader.word(), let number = reader.word() else {
                return nil
            }
            questions.append(Question(name, RecordType(rawValue: type), RecordClass(rawValue: number)))
        }
        var sections: [[Entry]] = []
        for count in [answerCount, authorityCount, additionalCount] {
            var entries: [Entry] = []
            for _ in 0..<count {
                switch reader.record() {
                case nil: return nil
                case .entry(let entry): entries.append(entry)
                case .opt(let record):
                    guard opt == nil, sections.count == 2 else { return nil }
                    opt = record
                }
            }
            sections.append(entries)
        }
        guard reader.at == bytes.count else { return nil }
        (answers, authority, additional) = (sections[0], sections[1], sections[2])
    }
}

private struct Reader {
    let bytes: [UInt8]
    var at = 0

    enum Record {
        case entry(Message.Entry)
        case opt(Message.OPT)
    }

    mutating func octet() -> UInt8? {
        guard at < bytes.count else { return nil }
        at += 1
        return bytes[at - 1]
    }

    mutating func word() -> UInt16? {
        guard let high = octet(), let low = octet() else { return nil }
        return UInt16(high) << 8 | UInt16(low)
    }

    mutating func wide() -> UInt32? {
        guard let high = word(), let low = word() else { return nil }
        return UInt32(high) << 16 | UInt32(low)
    }

    mutating func name() -> String? {
        var text = ""
        var back: Int?
        var barrier = at
        var size = 0
        while let length = octet() {
            switch length {
            case 0:
                if let back { at = back }
                return size > 254 ? nil : text.isEmpty ? "." : text
            case 1...63:
                guard at + Int(length) <= bytes.count else { return nil }
                for byte in bytes[at..<at + Int(length)] { text.unicodeScalars.append(UnicodeScalar(byte)) }
                text += "."
                at += Int(length)
                size += 1 + Int(length)
            case 0xc0...:
                guard let low = octet() else { return nil }
                back = back ?? at
                let target = Int(length & 0x3f) << 8 | Int(low)
                guard target >= 12, target < barrier else { return nil }
                barrier = target
                at = target
            default: return nil
            }
        }
        return nil
    }

    mutating func record() -> Record? {
        guard let name = name(), let type = word(), let number = word(), let ttl = wide(),
            let length = word(),
            at + Int(length) <= bytes.count
        else { return nil }
        let end = at + Int(length)
        defer { at = end }
        if type == 41 {
            guard name == "." else { return nil }
            var opt = Message.OPT()
            opt.size = number
            opt.extendedCode = UInt8(ttl >> 24)
            opt.version = UInt8(ttl >> 16 & 0xff)
            opt.flags = UInt16(ttl & 0xffff)
            opt.options = Array(bytes[at..<end])
            return .opt(opt)
        }
        guard let data = data(RecordType(rawValue: type), until: end) else { return nil }
        return .entry(
            Message.Entry(
                name: name,
                timeToLive: ttl,
                recordClass: RecordClass(rawValue: number),
                type: RecordType(rawValue: type),
                data: data
            )
        )
    }

    private mutating func data(_ type: RecordType, until end: Int) -> String? {
        let octets = Array(bytes[at..<end])
        let text: String?
        switch type {
        case .a where octets.count == 4, .aaaa where octets.count == 16:
            return IPAddress(bytes: octets)?.description
        case .ns, .cname, .ptr, .dname: text = name()
        case .mx: text = words(1)
        case .srv: text = words(3)
        case .soa:
            guard let primary = name(), let mailbox = name() else { return nil }
            let numbers = (0..<5).compactMap { _ in wide() }
            guard numbers.count == 5 else { return nil }
            text = "\(primary) \(mailbox) \(numbers.map(String.init).joined(separator: " "))"
        case .txt where octets.count > 1: return String(decoding: octets.dropFirst(), as: UTF8.self)
        default: return hexText(octets)
        }
        return at == end ? text : nil
    }

    private mutating func words(_ count: Int) -> String? {
        var numbers: [String] = []
        for _ in 0..<count {
            guard let word = word() else { return nil }
            numbers.append(String(word))
        }
        return name().map { (numbers + [$0]).joined(separator: " ") }
    }
}
