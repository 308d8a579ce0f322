// Messages in the words of scenarios and tables.

internal import DNSWire

extension Message {
    /// A question: `www.example.org. A`, then any of `CH`, `edns SIZE`, `do`, `ad`, `cd`, `nord`.
    package init(asking text: String, id: UInt16 = 0x2a17) {
        var words = text.split(separator: " ").map(String.init)[...]
        guard let name = words.popFirst(), let type = words.popFirst().flatMap({ RecordType($0) }) else {
            preconditionFailure("not a question: \(text)")
        }
        self.id = id
        flags = 0x0100
        var question = Question(name, type)
        while let word = words.popFirst() {
            switch word {
            case "CH": question.recordClass = .chaos
            case "nord": flags &= ~0x0100
            case "ad", "cd": flags |= Self.bits([word])
            case "do":
                opt = opt ?? OPT()
                opt?.flags = 0x8000
            case "edns":
                opt = opt ?? OPT()
                opt?.size = words.popFirst().flatMap { UInt16($0) } ?? 1232
            default: preconditionFailure("what is '\(word)' in '\(text)'?")
            }
        }
        questions = [question]
    }

    /// An answer to `question`: a line with the code and flags (`NOERROR aa ra`), then one record per line;
    /// `authority` or `additional` in front of a record says its section.
    package init(answering question: Message, _ lines: [String]) {
        var words = (lines.first ?? "NOERROR").split(separator: " ").map(String.init)[...]
        guard let code = words.popFirst().flatMap({ ResponseCode($0) }) else {
            preconditionFailure("no response code: \(lines)")
        }
        id = question.id
        questions = question.questions
        if words.last == "do" {
            words.removeLast()
            opt = OPT()
            opt?.flags = 0x8000
        }
        if code.rawValue > 15 {
            opt = opt ?? OPT()
            opt?.extendedCode = UInt8(code.rawValue >> 4)
        }
        flags = 0x8000 | question.flags & 0x0110 | Self.bits(words) | code.rawValue & 15
        for line in lines.dropFirst() { add(line) }
    }

    private mutating func add(_ line: String) {
        let first = line.prefix { $0 != " " }
        let rest = line.dropFirst(first.count)
        switch first {
        case "authority": authority.append(Entry(rest))
        case "additional": additional.append(Entry(rest))
        default: answers.append(Entry(line))
        }
    }

    /// Records in the form in which they were read.
    package var lines: [String] {
        answers.map(\.description) + authority.map { "authority \($0)" }
            + additional.map { "additional \($0)" }
    }
}
