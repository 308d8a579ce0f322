// The log of both processes: lines on standard output in the shape that people grep for in node-cache's,
// `2026/11/21 01:44:07 [INFO] text`, or as JSON for machines. One write(2) per line (of usual length), so that two
// processes on one pipe do not mix.

import Glibc
package import Logging

/// The values of `-log-format`.
package enum LogFormat: String, Sendable, CaseIterable {
    case text
    case json
}

/// Writes the log lines of this process.
package struct LineLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let format: LogFormat
    private let output: CInt

    package init(
        level: Logger.Level = .info,
        format: LogFormat = .text,
        output: CInt = STDOUT_FILENO
    ) {
        self.logLevel = level
        self.format = format
        self.output = output
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var text = "\(event.message)"
        for (key, value) in metadata.merging(event.metadata ?? [:], uniquingKeysWith: { $1 }).sorted(by: {
            $0.key < $1.key
        }) {
            text += " \(key)=\(value)"
        }
        let line = Array(
            LogLine.line(text, level: event.level, secondsSince1970: time(nil), format: format).utf8
        )
        var rest = line[...]
        while !rest.isEmpty, isReady {
            // SAFETY: the buffer outlives the call.
            let count = unsafe rest.prefix(Self.pieceSize).withUnsafeBytes {
                unsafe write(output, $0.baseAddress, $0.count)
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// PIPE_BUF: of this much poll(2) promises that a pipe takes it without waiting.
    private static let pieceSize = 4096

    /// A log that nobody reads may cost lines, not answers: a full pipe is not waited for.
    private var isReady: Bool {
        var descriptor = pollfd(fd: output, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&descriptor, 1, 0) != 0
    }
}

/// How a line looks.
package enum LogLine {
    /// The line with its line break.
    package static func line(
        _ text: String,
        level: Logger.Level,
        secondsSince1970 time: Int,
        format: LogFormat
    ) -> String {
        switch format {
        case .text: self.text(text, level: level, secondsSince1970: time)
        case .json: json(text, level: level, secondsSince1970: time)
        }
    }

    /// `{"time":"2026-11-21T01:44:07Z","level":"info","message":"…"}`: one object per line, the time in UTC.
    static func json(_ text: String, level: Logger.Level, secondsSince1970 time: Int) -> String {
        var seconds = time
        var parts = unsafe tm()
        unsafe gmtime_r(&seconds, &parts)
        let date = unsafe [parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday].map { padded($0) }
        let clock = unsafe [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded($0) }
        let stamp = "\(date.joined(separator: "-"))T\(clock.joined(separator: ":"))Z"
        let level = name(of: level).lowercased()
        return "{\"time\":\"\(stamp)\",\"level\":\"\(level)\",\"message\":\"\(escaped(text))\"}\n"
    }

    /// What JSON does not let stand in a string (RFC 8259, 7).
    private static func escaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += ["\\", scalar]
            case "\n": result += "\\n".unicodeScalars
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".unicodeScalars
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    /// The line with its line break, as node-cache has it; the time is the local one.
    package static func text(_ text: String, level: Logger.Level, secondsSince1970 time: Int) -> String {
        var seconds = time
        var parts = unsafe tm()
        unsafe localtime_r(&seconds, &parts)
        let date = unsafe [parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday].map { padded($0) }
        let clock = unsafe [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded($0) }
        return "\(date.joined(separator: "/")) \(clock.joined(separator: ":")) [\(name(of: level))] \(text)\n"
    }

    private static func padded(_ number: CInt) -> String { number < 10 ? "0\(number)" : String(number) }

    private static func name(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "DEBUG"
        case .info, .notice: "INFO"
        case .warning: "WARNING"
        case .error: "ERROR"
        case .critical: "FATAL"
        }
    }
}
