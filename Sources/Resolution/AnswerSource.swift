// The plugins below the cache: each answers, passes on, changes what goes up and what comes down, or fails. They
// live on the event loop, may allocate, and know neither sockets nor clients' threads.

package import Addresses
package import DNSWire

/// Something that may know an answer the cache does not have. Immutable; called on the event loop.
package protocol AnswerSource: Sendable {
    /// The plugin's name, for messages.
    var name: String { get }
    /// One question may have different answers for different clients: they must not share one.
    var dependsOnClient: Bool { get }
    /// Calls `completion` exactly once, at once or later; `context.next` is the rest of the way.
    func ask(
        _ question: SourceQuestion,
        in context: SourceContext,
        _ completion: @escaping (SourceOutcome) -> Void
    )
}

extension AnswerSource {
    package var dependsOnClient: Bool { false }
}

/// What came of a question below the cache.
package enum SourceOutcome: Sendable {
    /// A message that repeats the question as it was asked of this source; its id is not the asker's.
    /// `from` is who said so, for a message about its flaws.
    case answered([UInt8], by: ReplyAuthor, from: ReplyOrigin)
    /// Told by `errors`.
    case failed(UpstreamFailure)
    /// Nobody wrote a reply and nothing is wrong: an empty one with this code, as CoreDNS' server writes it.
    case unanswered(ResponseCode)
}

/// Who wrote a reply. Words are made of it only when it has a flaw.
package enum ReplyOrigin: Sendable, CustomStringConvertible {
    case server(Endpoint)
    case plugin(String)

    package var description: String {
        switch self {
        case .server(let endpoint): endpoint.description
        case .plugin(let name): name
        }
    }
}

/// A link of a block's way below the cache.
package enum SourceLink: Sendable {
    case plugin(any AnswerSource)
    case forward(ForwardRoute)
}

// MARK: - The question

/// A question on its way: what an upstream would be sent, and its parts.
package struct SourceQuestion: Sendable {
    package private(set) var query: UpstreamQuery
    /// In lower case.
    package private(set) var name: DomainName
    package private(set) var type: RecordType
    package private(set) var recordClass: RecordClass

    /// `name`, `type` and `recordClass` are those of the question in `query`; whoever made it knows them.
    init(_ query: UpstreamQuery, name: DomainName, type: RecordType, recordClass: RecordClass) {
        self.query = query
        self.name = name
        self.type = type
        self.recordClass = recordClass
    }

    /// Another question in the same message; what follows the question stays.
    package func asking(
        _ name: DomainName,
        _ type: RecordType,
        _ recordClass: RecordClass
    ) -> SourceQuestion {
        var message = Array(query.message[..<Limits.headerSize]) + name.wire
        for word in [type.rawValue, recordClass.rawValue] {
            message += [UInt8(truncatingIfNeeded: word >> 8), UInt8(truncatingIfNeeded: word)]
        }
        var changed = self
        changed.query = UpstreamQuery(
            message: message + query.message[query.questionEnd...],
            questionEnd: message.count,
            clientTransport: query.clientTransport
        )
        changed.name = name
        changed.type = type
        changed.recordClass = recordClass
        return changed
    }

    /// The same question in another message, such as one with more options.
    package func sending(_ message: [UInt8]) -> SourceQuestion {
        var changed = self
        changed.query = UpstreamQuery(
            message: message,
            questionEnd: query.questionEnd,
            clientTransport: query.clientTransport
        )
        return changed
    }

    /// The question's octets, in the asker's spelling.
    package var octets: ArraySlice<UInt8> { query.message[Limits.headerSize..<query.questionEnd] }
}

/// Who asks, and what a source can do besides answering.
package struct SourceContext {
    /// Nil for a question of our own.
    package let client: Endpoint?
    /// How the client came, or the one on whose behalf we ask.
    package let family: IPAddress.Family
    /// Label `server` of the metrics.
    package let server: String
    /// The block's zone that took the question.
    package let zone: DomainName
    /// The block's `view`, or nothing; label of the metrics.
    package let view: String
    /// Leads a question, maybe another one, the rest of the way.
    package let next: (SourceQuestion, @escaping (SourceOutcome) -> Void) -> Void
    /// Asks the whole server, cache and all, for another name; nil when there were too many such look-ups
    /// inside each other. The reply is a whole message.
    package let lookUp: ((DomainName, RecordType, @escaping ([UInt8]) -> Void) -> Void)?
}

// MARK: - The reply

extension ReplyMessage {
    /// An empty reply to a question: what a plugin that answers by itself starts from.
    package init(to question: SourceQuestion, isAuthoritative: Bool, code: ResponseCode = .noError) {
        self.init(
            question: Array(question.octets),
            flags: isAuthoritative ? HeaderFlags.authoritative : 0,
            code: code
        )
    }
}
