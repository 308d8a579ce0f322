// The shape of log lines, and that one line is one write.

import Control
import Glibc
import Kernel
import Logging
import Testing

@Suite struct LogLineTests {
    @Test(arguments: [
        (Logger.Level.debug, "DEBUG"), (.info, "INFO"), (.notice, "INFO"), (.warning, "WARNING"),
        (.error, "ERROR"), (.critical, "FATAL"),
    ])
    func levelsHaveNodeCachesNames(level: Logger.Level, name: String) {
        let line = LogLine.text("Tearing down", level: level, secondsSince1970: 0)
        #expect(
            line.wholeMatch(of: /\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[(\w+)\] Tearing down\n/)?.1 ?? "" == name
        )
    }

    @Test func machinesGetOneObjectPerLine() {
        let text = "Using config file:\n. {\n\tlog \"x\\y\"\u{1}}"
        #expect(
            LogLine.line(text, level: .critical, secondsSince1970: 1_795_225_447, format: .json)
                == #"{"time":"2026-11-21T01:44:07Z","level":"fatal","message":"Using config file:\n. {\n\u0009log "#
                + #"\"x\\y\"\u0001}"}"# + "\n"
        )
    }

    @Test func aFullPipeIsNotWaitedFor() throws {
        var ends: [CInt] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let output = ends[1]
        let logger = Logger(label: "test") { _ in LineLogHandler(level: .info, output: output) }
        // A pipe holds 64 KiB; this ends although nobody reads.
        for _ in 0..<100 { logger.info("\(String(repeating: "x", count: 5000))") }
    }

    @Test func aLineArrivesAsOneMessage() throws {
        // A socket that keeps writes apart shows how many there were.
        let (parent, child) = try MessageSocket.pair()
        var logger = Logger(label: "test") { _ in LineLogHandler(level: .info, output: child.raw) }
        logger[metadataKey: "b"] = "2"
        logger.info("Added interface - nodelocaldns", metadata: ["a": "1"])
        logger.debug("not shown")
        guard case .message(let bytes, _) = try parent.receive() else { return #expect(Bool(false)) }
        #expect(
            String(decoding: bytes, as: UTF8.self).hasSuffix(
                "[INFO] Added interface - nodelocaldns a=1 b=2\n"
            )
        )
        guard case .nothing = try parent.receive() else { return #expect(Bool(false)) }
    }
}
