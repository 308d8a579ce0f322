// Does what each step of a script says and notes what is not as the script wants it.

import Addresses
import DNSWire
import Resolution
import TestSupport
import Timing
import Upstream

/// One performance of a script.
final class Performance {
    private let play = Play()
    /// Questions that wait for their reply, by id.
    private var asked: [UInt16: Message] = [:]
    private var nextID: UInt16 = 1
    /// The question that last got octets: it may get more.
    private var answered: ScriptedLink.Sent?
    private var line = 0
    private(set) var complaints: [String] = []

    /// Plays all steps; what was wrong is in `complaints`.
    func perform(_ script: Script) {
        for step in script.steps where complaints.isEmpty {
            line = step.line
            perform(step)
        }
        if complaints.isEmpty, let reply = play.inbox.take() {
            complain("at the end a reply is left: \(Message(reply)?.lines ?? ["malformed"])")
        }
    }

    private func complain(_ text: String) { complaints.append("line \(line): \(text)") }

    private func expect(_ seen: some Equatable, _ wanted: some Equatable, _ what: String) {
        if "\(seen)" != "\(wanted)" { complain("\(what) is \(seen), not \(wanted)") }
    }

    private func perform(_ step: Script.Step) {
        switch step.words[0] {
        case "corefile":
            if let error = play.load(step.body.joined(separator: "\n")) { complain(error) }
        case "file": play.files[step.rest] = step.body.map(Self.trimmed).joined(separator: "\n")
        case "ask": ask(step)
        case "packet": packet(step)
        case "reply": reply(step)
        case "upstream": upstream(step)
        case "answer": answer(step)
        case "elapse": elapse(step.rest)
        case "log": expect(play.log.read() ?? "nothing", step.rest, "the line")
        case "tap": expect(play.taps.read() ?? "nothing", step.rest, "the copy")
        case "metric": metric(step)
        default: complain("what is '\(step.words[0])'?")
        }
    }
}

// MARK: - The client

extension Performance {
    private func ask(_ step: Script.Step) {
        let transport: Transport = step.words.contains("tcp") ? .tcp : .udp
        let words = step.words.dropFirst().filter { $0 != "tcp" }
        let question = Message(asking: words.joined(separator: " "), id: nextID)
        asked[nextID] = question
        nextID += 1
        play.ask(question, over: transport)
    }

    /// A message octet by octet; if it has a question that can be read, `answer` knows it as `ask`'s.
    private func packet(_ step: Script.Step) {
        let octets = hex(step.body.joined(separator: "\n"))
        if let message = Message(octets), message.questions.count == 1 { asked[message.id] = message }
        play.ask(octets, over: step.words.contains("tcp") ? .tcp : .udp)
    }

    /// The next reply, octet by octet.
    private func reply(_ step: Script.Step) {
        let wanted = hexText(hex(step.body.joined(separator: "\n")))
        expect(play.inbox.take().map(hexText) ?? "nothing", wanted, "the reply")
    }

    private func answer(_ step: Script.Step) {
        guard let octets = play.inbox.take() else {
            return step.rest == "nothing" ? () : complain("no reply has come")
        }
        guard let reply = Message(octets) else {
            return complain("the reply is malformed: \(hexText(octets))")
        }
        guard step.rest != "nothing" else {
            return complain("a reply has come: \(reply.code) \(reply.lines)")
        }
        guard let question = asked.removeValue(forKey: reply.id) else {
            return complain("a reply to nobody: \(reply.id)")
        }
        // True for every reply: the asker's question in its spelling, its RD and CD, our OPT for its OPT.
        expect(reply.questions, question.questions, "the question")
        expect(reply.flags & 0xf900, question.flags & 0x7900 | 0x8000, "QR, opcode and RD")
        expect(reply.flags & 0x0010, question.flags & 0x0010, "CD")
        expect(reply.opt?.size ?? 0, question.opt == nil ? 0 : 1232, "the OPT record's size")
        expect(reply.opt?.flags ?? 0, question.opt.map { $0.flags & 0x8000 } ?? 0, "the OPT record's flags")

        var words = step.words.dropFirst()[...]
        expect(reply.code, words.popFirst() ?? "", "the code")
        var flags: Set<String>?
        while let word = words.popFirst() {
            switch word {
            case "ede": expect(reply.extendedError.map(String.init) ?? "none", words.popFirst() ?? "", "EDE")
            case "because":
                expect(reply.extendedErrorText ?? "none", words.joined(separator: " "), "EDE's text")
                words = []
            case "size": expect(octets.count, words.popFirst() ?? "", "the size")
            case "records":
                expect(reply.answers.count, words.popFirst() ?? "", "the number of answers")
            case "-": flags = []
            default: flags = (flags ?? []).union([word])
            }
        }
        if let flags { expect(reply.flagNames.sorted(), flags.sorted(), "the flags") }
        guard !step.words.contains("records") else { return }
        expect(reply.lines, step.body.map(Self.trimmed), "the records")
    }

    fileprivate static func trimmed(_ line: String) -> String {
        line.split(separator: " ").joined(separator: " ")
    }
}

// MARK: - The upstream

extension Performance {
    private func upstream(_ step: Script.Step) {
        switch step.words.dropFirst().first {
        case "expects": expects(step)
        case "silent":
            if let sent = play.network.unanswered.first {
                complain("upstream was asked \(Self.text(of: sent))")
            }
        case "sends":
            guard let sent = play.network.unanswered.first ?? answered else {
                return complain("nobody was asked")
            }
            answered = sent
            let words = [
                "id": hexText(sent.message[..<2]), "question": hexText(sent.message[12..<sent.questionEnd]),
            ]
            let lines = step.body.map { line in
                line.split(separator: " ").map { words[String($0)] ?? String($0) }.joined(separator: " ")
            }
            sent.link.deliver(hex(lines.joined(separator: "\n")))
            play.network.settle()
        case "drops":
            guard let sent = play.network.unanswered.first else { return complain("nobody was asked") }
            sent.link.fail(LinkFailure(.read, .endOfFile))
            play.network.settle()
        case "refuses", "hangs":
            guard let server = Self.endpoint(step.words[2]) else { return complain("no address") }
            play.network.reachability[server] = step.words[1] == "hangs" ? .silent : .failing(.system(111))
        default: complain("what is '\(step.rest)'?")
        }
    }

    private func expects(_ step: Script.Step) {
        let wanted = step.words.dropFirst(2).joined(separator: " ")
        let sent = play.network.unanswered.first { Self.text(of: $0, like: step.words) == wanted }
        guard let sent, let question = Message(sent.message) else {
            return complain(
                "upstream was asked \(play.network.unanswered.map { Self.text(of: $0) }), not \(wanted)"
            )
        }
        guard !step.body.isEmpty else { return }
        var reply = Message(answering: question, Self.expanded(step.body.map(Self.trimmed)))
        // An upstream with EDNS of its own; it is ours and must not reach the client.
        if question.opt != nil, reply.opt == nil { reply.opt = Message.OPT() }
        sent.link.deliver(reply.encoded())
        play.network.settle()
    }

    /// `60 times www.example.org. 30 A 192.0.2.#` is sixty records.
    private static func expanded(_ lines: [String]) -> [String] {
        lines.flatMap { line -> [String] in
            let words = line.split(separator: " ")
            guard words.count > 2, words[1] == "times", let count = Int(words[0]) else { return [line] }
            let record = words.dropFirst(2).joined(separator: " ")
            return (1...count).map { record.replacing("#", with: "\($0)") }
        }
    }

    /// What was sent, in as many words as `step` uses.
    private static func text(
        of sent: ScriptedLink.Sent,
        like step: [String] = ["at", "udp", "tcp", "do"]
    ) -> String {
        guard let message = Message(sent.message), let question = message.questions.first else {
            return "rubbish"
        }
        var words = [question.name, "\(question.type)"]
        if question.recordClass != .internet { words.append("\(question.recordClass)") }
        if step.contains("udp") || step.contains("tcp") { words.append(sent.link.transport.rawValue) }
        if step.contains("at") { words += ["at", "\(sent.link.remote.address)"] }
        if step.contains("do") || message.opt?.dnssecOK == true {
            words += message.opt?.dnssecOK == true ? ["do"] : []
        }
        if message.opt == nil { words.append("plain") }
        if message.flagNames.contains("cd") { words.append("cd") }
        if message.flagNames.contains("ad") { words.append("ad") }
        if !message.flagNames.contains("rd") { words.append("nord") }
        return words.joined(separator: " ")
    }

    private static func endpoint(_ text: String) -> Endpoint? {
        IPAddress(text).map { Endpoint($0, port: 53) }
    }
}

// MARK: - The clock and the numbers

extension Performance {
    private func elapse(_ text: String) {
        let digits = text.prefix { $0.isNumber }
        guard let count = UInt64(digits) else { return complain("how long is '\(text)'?") }
        play.elapse(text.hasSuffix("ms") ? .milliseconds(count) : .seconds(count))
    }

    private func metric(_ step: Script.Step) {
        guard let value = step.words.last else { return }
        let series = step.words.dropFirst().dropLast().joined(separator: " ")
        let samples = play.exposition.filter { $0.hasPrefix(series + " ") || Self.fits(String($0), series) }
        guard let sample = samples.first else {
            return value == "none" ? () : complain("there is no \(series)")
        }
        expect(sample.split(separator: " ").last ?? "", value, series)
    }

    /// Labels may be left out of a script: all that it names must be there.
    private static func fits(_ sample: String, _ series: String) -> Bool {
        let name = series.prefix { $0 != "{" }
        guard sample.hasPrefix(name + "{") else { return false }
        let labels = series.dropFirst(name.count).drop { $0 == "{" }.prefix { $0 != "}" }
        return labels.split(separator: ",").allSatisfy {
            sample.contains("{\($0)") || sample.contains(",\($0)")
        }
    }
}
