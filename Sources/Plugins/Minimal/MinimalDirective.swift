// `minimal`: answers without the sections that nobody asked for.

import Corefile
import DNSWire
package import Resolution

/// The presence of a `minimal` line.
package struct MinimalConfiguration: PluginConfiguration {
    package var decidesAnswers: Bool { true }
}

package enum Minimal: BareDirective {
    package static let name = "minimal"
    static let presence = MinimalConfiguration()
}

extension MinimalConfiguration: BlockPlugin {
    package static var name: String { Minimal.name }

    package func join(_ block: inout ServerBlock.Plugins, in place: PluginPlace) {
        block.beforeForward.append(MinimalSource())
    }
}

/// Removes authority and additional records from answers that have an answer section.
struct MinimalSource: AnswerSource {
    var name: String { Minimal.name }

    func ask(
        _ question: SourceQuestion,
        in context: SourceContext,
        _ completion: @escaping (SourceOutcome) -> Void
    ) {
        context.next(question) { outcome in
            // Denials and referrals say what they say in the authority section.
            guard case .answered(let message, let author, let place) = outcome,
                var reply = ReplyMessage(message), reply.responseCode == .noError, !reply.answers.isEmpty
            else { return completion(outcome) }
            reply.authority = []
            reply.additional = []
            completion(.answered(reply.encoded(), by: author, from: place))
        }
    }
}
