import Addresses
import DNSWire
import TestSupport
import Testing
import Timing

@testable import Resolution

/// The lines of `log` (node-cache's specification, 3.11).
@Suite struct LogFormatTests {
    private static let common =
        #"{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}"#

    private func line(
        _ format: String,
        _ question: String = "a.two. A",
        id: UInt16 = 53_434,
        client: String? = "127.0.0.1:41231",
        transport: Transport = .udp,
        flags: UInt16? = 0x8180,
        code: ResponseCode? = .noError,
        size: Int = 44,
        nanoseconds: UInt64 = 1_256_540
    ) throws -> String {
        var query = Query()
        let packet = Message(asking: question, id: id).encoded()
        _ = query.read(packet.span, hashing: hashing)
        let name = query.domainName ?? .root
        let event = LogEvent(
            query,
            name: name,
            client: client.flatMap { Endpoint($0) },
            transport: transport,
            flags: flags.map { HeaderFlags(rawValue: $0) },
            code: code,
            replySize: size,
            nanoseconds: nanoseconds
        )
        return LogFormat(format).line(for: event)
    }

    @Test func theReferencesExample() throws {
        #expect(
            try line(Self.common)
                == #"127.0.0.1:41231 - 53434 "A IN a.two. udp 23 false 512" NOERROR qr,rd,ra 44 0.00125654s"#
        )
    }

    @Test func noReplyIsDashes() throws {
        #expect(
            try line(Self.common, flags: nil, code: nil, size: 0)
                == #"127.0.0.1:41231 - 53434 "A IN a.two. udp 23 false 512" - - 0 0.00125654s"#
        )
    }

    @Test(arguments: [
        ("{remote}", "[2001:db8::1]:53", "[2001:db8::1]"), ("{port}", "[2001:db8::1]:53", "53"),
        ("{remote} {port}", nil, "- -"),
    ])
    func clients(_ format: String, _ client: String?, _ expected: String) throws {
        #expect(try line(format, client: client) == expected)
    }

    @Test(arguments: [
        ("{>do} {>bufsize} {size}", "a.two. A edns 1232 do", "true 1232 34"),
        ("{>do} {>bufsize}", "a.two. A edns 100", "false 512"),
        ("{type} {class} {name}", "A.two. TYPE65280 CH", "TYPE65280 CH a.two."),
        ("{>opcode}|{unknown}|{/meta/x}|}{", "a.two. A", "0|-|-|}{"),
        ("no fields", "a.two. A", "no fields"), ("", "a.two. A", ""),
    ])
    func fields(_ format: String, _ question: String, _ expected: String) throws {
        #expect(try line(format, question) == expected)
    }

    @Test func overTCPAReplyMayBeAsLongAsAMessage() throws {
        #expect(try line("{proto} {>bufsize}", transport: .tcp) == "tcp 65535")
    }

    @Test func everyFlagHasItsName() throws {
        #expect(try line("{>rflags}", flags: 0xffff) == "qr,aa,tc,rd,ra,z,ad,cd")
        #expect(try line("{>rflags}", flags: 0) == "")
    }

    @Test(
        arguments: [
            (0, "0s"), (1, "0.000000001s"), (1_547_525, "0.001547525s"), (1_500_000_000, "1.5s"),
            (2_000_000_000, "2s"), (61_000_000_000, "61s"),
        ] as [(UInt64, String)]
    )
    func durationsHaveAllDecimalsThatMatter(_ nanoseconds: UInt64, _ text: String) throws {
        #expect(try line("{duration}", nanoseconds: nanoseconds) == text)
    }

    /// The first rule whose name covers the query decides, even when it wants no line.
    @Test(arguments: [
        ("www.example.org. A", ReplyClass.success, nil), ("www.example.org. A", .error, "special"),
        ("www.example.com. A", .success, "general"), ("www.example.com. A", .denial, nil),
    ])
    func rulesAreTriedInOrder(_ question: String, _ kind: ReplyClass, _ expected: String?) throws {
        let rules = [
            LogRule(
                name: try #require(DomainName("example.org")),
                format: LogFormat("special"),
                classes: [.error]
            ),
            LogRule(name: .root, format: LogFormat("general"), classes: [.success]),
        ]
        let lines = Lines()
        var query = Query()
        let packet = Message(asking: question).encoded()
        _ = query.read(packet.span, hashing: hashing)
        let asked = query.domainName
        let name = try #require(asked)
        let event = LogEvent(
            query,
            name: name,
            client: nil,
            transport: .udp,
            flags: nil,
            code: nil,
            replySize: 0,
            nanoseconds: 0
        )
        QueryLog { lines.add($0) }.note(event, name, rules, kind)
        #expect(lines.take() == (expected.map { [$0] } ?? []))
    }
}

/// The lines of `errors` (node-cache's specification, 3.6).
@Suite struct FailureLogTests {
    private let lines = Lines()
    private let name = DomainName("www.example.org") ?? .root

    private func log() -> FailureLog {
        let lines = lines
        return FailureLog { lines.add("[\($0.rawValue)] \($1)") }
    }

    private func failure(_ text: String, _ code: ResponseCode = .serverFailure) -> UpstreamFailure {
        UpstreamFailure(responseCode: code, extendedError: .other, description: text)
    }

    private func rule(_ pattern: String, _ seconds: UInt64, _ level: FailureLevel) -> ConsolidationRule {
        ConsolidationRule(pattern: pattern, interval: .seconds(seconds), level: level) {
            $0.hasSuffix(pattern)
        }
    }

    @Test func aFailureIsALine() {
        let log = log()
        let block = ServerBlock(index: 0, logsErrors: true)
        log.note(block, failure("read udp 10.0.0.1:4211->10.0.0.2:53: i/o timeout"), name, .a, at: .at(0))
        log.note(block, failure("concurrent queries exceeded maximum 5", .refused), .root, .ns, at: .at(0))
        #expect(
            lines.take() == [
                "[error] plugin/errors: 2 www.example.org. A: read udp 10.0.0.1:4211->10.0.0.2:53: i/o timeout",
                "[error] plugin/errors: 5 . NS: concurrent queries exceeded maximum 5",
            ]
        )
    }

    @Test func whatARuleMatchesBecomesOneLinePerInterval() {
        let log = log()
        let block = ServerBlock(
            index: 0,
            logsErrors: true,
            consolidations: [rule("timeout", 30, .warning), rule("out", 5, .error)]
        )
        for second in 0..<3 as Range<UInt64> {
            log.note(block, failure("i/o timeout"), name, .a, at: .at(second * 1000))
        }
        log.note(block, failure("refused"), name, .a, at: .at(3_000))
        #expect(lines.take() == ["[error] plugin/errors: 2 www.example.org. A: refused"])
        log.flush(at: .at(29_999))
        #expect(lines.take().isEmpty)
        log.flush(at: .at(30_000))
        #expect(lines.take() == ["[warning] plugin/errors: 3 errors like 'timeout' occurred in last 30s"])
        log.flush(at: .at(90_000))
        #expect(lines.take().isEmpty)
    }

    @Test func aFloodOfFailuresBecomesOneLineMore() {
        let log = log()
        let block = ServerBlock(index: 0, logsErrors: true)
        for number in 0..<FailureLog.mostLines + 49_000 {
            log.note(block, failure("timeout \(number)"), name, .a, at: .at(0))
        }
        #expect(lines.take().count == FailureLog.mostLines)
        log.flush(at: .at(1_000))
        #expect(lines.take() == ["[error] plugin/errors: 49000 more errors in the last second"])
        log.note(block, failure("timeout"), name, .a, at: .at(1_001))
        log.flush(at: .at(2_000))
        #expect(lines.take() == ["[error] plugin/errors: 2 www.example.org. A: timeout"])
    }

    @Test func whatIsRepeatedIsCountedEveryHalfMinute() {
        let log = log()
        let block = ServerBlock(index: 0, logsErrors: true)
        for port in 0..<3 {
            log.note(block, failure("read udp 10.0.0.1:4\(port)->10.0.0.2:53: EOF"), name, .a, at: .at(0))
        }
        log.note(block, failure("read udp 10.0.0.1:40->10.0.0.2:53: EOF"), name, .aaaa, at: .at(0))
        #expect(
            lines.take() == [
                "[error] plugin/errors: 2 www.example.org. A: read udp 10.0.0.1:40->10.0.0.2:53: EOF",
                "[error] plugin/errors: 2 www.example.org. AAAA: read udp 10.0.0.1:40->10.0.0.2:53: EOF",
            ]
        )
        log.flush(at: .at(29_999))
        #expect(lines.take().isEmpty)
        log.flush(at: .at(30_000))
        #expect(
            lines.take() == [
                "[error] plugin/errors: 2 www.example.org. A: read udp 10.0.0.1->10.0.0.2:53: EOF "
                    + "(2 more in last 30s)"
            ]
        )
        // It goes on: no line of its own, but a count.
        log.note(block, failure("read udp 10.0.0.1:49->10.0.0.2:53: EOF"), name, .a, at: .at(31_000))
        #expect(lines.take().isEmpty)
        log.flush(at: .at(60_000))
        #expect(lines.take().map { $0.hasSuffix("(1 more in last 30s)") } == [true])
        // It was quiet for half a minute: the next one is news.
        log.flush(at: .at(90_000))
        log.note(block, failure("read udp 10.0.0.1:49->10.0.0.2:53: EOF"), name, .a, at: .at(91_000))
        #expect(lines.take().count == 1)
    }

    @Test func blocksHaveHeapsOfTheirOwnAndTheEndFlushesAll() {
        let log = log()
        let blocks = (0..<2).map {
            ServerBlock(index: $0, logsErrors: true, consolidations: [rule("timeout", 30, .info)])
        }
        for block in blocks + [blocks[1]] { log.note(block, failure("timeout"), name, .a, at: .at(0)) }
        log.flush(blocks[0])
        #expect(lines.take() == ["[info] plugin/errors: 1 errors like 'timeout' occurred in last 30s"])
        log.flush()
        #expect(lines.take() == ["[info] plugin/errors: 2 errors like 'timeout' occurred in last 30s"])
    }
}
