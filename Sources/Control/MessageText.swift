// Control messages as text: a line that names protocol, version and message, then one `key value` line per
// field. Text, because a person with strace should be able to read it; both processes are one binary, so the
// version only guards against a mixed upgrade.

import Addresses
import Kernel

/// A message apart from its descriptors.
struct MessageText: Equatable {
    static let protocolVersion = "node-local-dns-control/1"

    let name: String
    private(set) var lines: [(key: String, value: String)]

    init(_ name: String, _ lines: [(key: String, value: String)] = []) {
        self.name = name
        self.lines = lines
    }

    static func == (left: MessageText, right: MessageText) -> Bool { left.bytes == right.bytes }

    // MARK: Bytes

    var bytes: [UInt8] {
        var text = "\(Self.protocolVersion) \(name)\n"
        for line in lines { text += "\(line.key) \(Self.escape(line.value))\n" }
        return Array(text.utf8)
    }

    init(bytes: [UInt8]) throws(ControlError) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .malformed("not UTF-8")
        }
        guard text.last == "\n" else { throw .malformed("cut off") }
        var lines = text.dropLast().split(separator: "\n", omittingEmptySubsequences: false)[...]
        guard let head = lines.popFirst() else { throw .malformed("empty") }
        let words = head.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, words[0] == Self.protocolVersion else {
            throw .malformed("does not begin with '\(Self.protocolVersion)'")
        }
        var fields: [(key: String, value: String)] = []
        for line in lines {
            guard let blank = line.firstIndex(of: " ") else { throw .malformed("line without a value") }
            fields.append((String(line[..<blank]), Self.unescape(line[line.index(after: blank)...])))
        }
        self.init(String(words[1]), fields)
    }

    // MARK: Fields

    func text(_ key: String) throws(ControlError) -> String {
        guard let line = lines.first(where: { $0.key == key }) else {
            throw .malformed("\(name) without '\(key)'")
        }
        return line.value
    }

    func number<Number: FixedWidthInteger>(_ key: String) throws(ControlError) -> Number {
        guard let number = Number(try text(key)) else {
            throw .malformed("\(name): '\(key)' is not a number in range")
        }
        return number
    }

    // A line break in a value would start another field.
    private static func escape(_ value: String) -> String {
        var result = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func unescape(_ value: Substring) -> String {
        var result = String.UnicodeScalarView()
        var isEscaped = false
        for scalar in value.unicodeScalars {
            if isEscaped {
                result.append(scalar == "n" ? "\n" : scalar)
                isEscaped = false
            } else if scalar == "\\" {
                isEscaped = true
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }
}

// MARK: - Messages

extension WorkerMessage {
    var text: MessageText {
        switch self {
        case .ready(let generation): MessageText("ready", [("generation", String(generation))])
        case .rejected(let generation, let reason):
            MessageText("rejected", [("generation", String(generation)), ("reason", reason)])
        case .numbersWritten(let number): MessageText("numbers-written", [("number", String(number))])
        }
    }

    init(_ text: MessageText) throws(ControlError) {
        switch text.name {
        case "ready": self = .ready(generation: try text.number("generation"))
        case "rejected":
            self = .rejected(generation: try text.number("generation"), reason: try text.text("reason"))
        case "numbers-written": self = .numbersWritten(try text.number("number"))
        default: throw .malformed("no worker says '\(text.name)'")
        }
    }
}

extension SupervisorMessage {
    /// The text, and the bytes that travel in a memory file beside it. Descriptors are the sender's to add.
    var parts: (text: MessageText, attachment: [UInt8]?) {
        switch self {
        case .sockets(let sockets):
            (MessageText("sockets", sockets.flatMap { Self.lines(of: $0) }), nil)
        case .writeNumbers(let number, _):
            (MessageText("write-numbers", [("number", String(number))]), nil)
        case .configuration(let message): (message.text, message.recorded)
        case .metrics(let bytes): (MessageText("metrics"), bytes)
        case .drain: (MessageText("drain"), nil)
        }
    }

    init(_ text: MessageText, _ descriptors: [SharedDescriptor]) throws(ControlError) {
        switch text.name {
        case "sockets": self = .sockets(try Self.sockets(text, descriptors))
        case "configuration":
            self = .configuration(try ConfigurationMessage(text, try Self.attachment(text, descriptors)))
        case "metrics": self = .metrics(try Self.attachment(text, descriptors))
        case "write-numbers":
            guard descriptors.count == 1 else { throw .malformed("write-numbers without its file") }
            self = .writeNumbers(try text.number("number"), into: descriptors[0])
        case "drain": self = .drain
        default: throw .malformed("no supervisor says '\(text.name)'")
        }
    }

    private static let owedKey = "owed"

    /// One line for each descriptor of a socket.
    private static func lines(of socket: ListeningSocket) -> [(key: String, value: String)] {
        let line = (key: socket.transport.rawValue, value: "\(socket.endpoint)")
        return socket.owed == nil ? [line] : [line, (owedKey, line.value)]
    }

    private static func sockets(
        _ text: MessageText,
        _ descriptors: [SharedDescriptor]
    ) throws(ControlError) -> [ListeningSocket] {
        guard text.lines.count == descriptors.count else {
            throw .malformed("\(text.lines.count) sockets, \(descriptors.count) descriptors")
        }
        var sockets: [ListeningSocket] = []
        for (line, descriptor) in zip(text.lines, descriptors) {
            if line.key == owedKey {
                guard let socket = sockets.popLast(), "\(socket.endpoint)" == line.value, socket.owed == nil
                else { throw .malformed("no socket before '\(owedKey) \(line.value)'") }
                sockets.append(
                    ListeningSocket(socket.transport, socket.endpoint, socket.descriptor, owed: descriptor)
                )
                continue
            }
            guard let transport = Transport(rawValue: line.key), let endpoint = Endpoint(line.value) else {
                throw .malformed("no socket is called '\(line.key) \(line.value)'")
            }
            sockets.append(ListeningSocket(transport, endpoint, descriptor))
        }
        return sockets
    }

    private static func attachment(
        _ text: MessageText,
        _ descriptors: [SharedDescriptor]
    ) throws(ControlError) -> [UInt8] {
        guard descriptors.count == 1 else {
            throw .malformed("\(text.name) with \(descriptors.count) descriptors instead of one")
        }
        do throws(SystemError) {
            return try descriptors[0].readMemoryFile()
        } catch {
            throw .system(error)
        }
    }
}

extension ConfigurationMessage {
    fileprivate var text: MessageText {
        MessageText(
            "configuration",
            [
                ("generation", String(generation)), ("token", token), ("main-file", mainFile),
                ("default-port", String(defaultPort)), ("threads", String(threads)),
                ("cache-budget", String(cacheBudget)), ("most-waiting", String(mostWaiting)),
            ]
        )
    }

    fileprivate init(_ text: MessageText, _ recorded: [UInt8]) throws(ControlError) {
        self.init(
            generation: try text.number("generation"),
            token: try text.text("token"),
            mainFile: try text.text("main-file"),
            defaultPort: try text.number("default-port"),
            threads: try text.number("threads"),
            cacheBudget: try text.number("cache-budget"),
            mostWaiting: try text.number("most-waiting"),
            recorded: recorded
        )
    }
}
