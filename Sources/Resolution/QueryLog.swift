// The `log` plugin: one line per query, for blocks that ask for it. Off the packet path of everybody else.

import Addresses
import AnswerCache
package import DNSWire
import Timing

/// One `log` rule; the first whose name covers the query decides.
package struct LogRule: Sendable {
    package let name: DomainName
    package let format: LogFormat
    package let classes: Set<ReplyClass>

    package init(name: DomainName, format: LogFormat, classes: Set<ReplyClass>) {
        self.name = name
        self.format = format
        self.classes = classes
    }
}

/// What kind of reply a line is about.
package enum ReplyClass: Sendable, Hashable {
    case success
    /// NXDOMAIN or NODATA with an SOA.
    case denial
    case error

    init(_ kind: AnswerKind?) {
        self =
            switch kind {
            case .success: .success
            case .denial: .denial
            case .serverError, nil: .error
            }
    }
}

/// Writes lines about queries.
package struct QueryLog: Sendable {
    private let write: @Sendable (String) -> Void

    /// `write` gets whole lines without level or line end, from any thread.
    package init(write: @escaping @Sendable (String) -> Void) {
        self.write = write
    }

    /// Writes a line when a rule wants one. `reply` is nil when no plugin wrote a reply.
    func note(
        _ event: @autoclosure () -> LogEvent,
        _ name: DomainName,
        _ rules: [LogRule],
        _ kind: ReplyClass
    ) {
        guard let rule = rules.first(where: { name.isWithin($0.name) }), rule.classes.contains(kind) else {
            return
        }
        write(rule.format.line(for: event()))
    }

    /// Writes the line of a hit.
    func note(
        _ query: borrowing Query,
        packet: Span<UInt8>,
        reply: Span<UInt8>,
        size: Int,
        rules: [LogRule],
        client: Endpoint?,
        transport: Transport,
        nanoseconds: UInt64
    ) {
        guard let name = query.domainName else { return }
        let flags = HeaderFlags(rawValue: reply.uint16(at: 2))
        // Without looking into the records: an answer section makes a success of NOERROR.
        let kind: ReplyClass =
            switch flags.responseCode {
            case .noError: reply.uint16(at: 6) > 0 || reply.uint16(at: 8) == 0 ? .success : .denial
            case .nameError: .denial
            default: .error
            }
        let event = LogEvent(
            query,
            name: name,
            client: client,
            transport: transport,
            flags: flags,
            code: flags.responseCode,
            replySize: size,
            nanoseconds: nanoseconds
        )
        note(event, name, rules, kind)
    }
}
