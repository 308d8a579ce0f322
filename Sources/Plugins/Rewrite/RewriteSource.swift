// `rewrite` at work: the question changes on its way down, its answer on the way back. The cache above keeps the
// answer under the question that the client asked.

import DNSWire
package import Resolution

extension RewriteConfiguration: BlockPlugin {
    package static var name: String { Rewrite.name }

    package func join(_ block: inout ServerBlock.Plugins, in place: PluginPlace) {
        block.beforeForward.append(RewriteSource(rules: rules))
    }
}

/// Applies rules until one says stop.
struct RewriteSource: AnswerSource {
    let rules: [RewriteRule]
    var name: String { Rewrite.name }

    var dependsOnClient: Bool {
        rules.contains { if case .edns(let change) = $0.change { change.dependsOnClient } else { false } }
    }

    func ask(
        _ question: SourceQuestion,
        in context: SourceContext,
        _ completion: @escaping (SourceOutcome) -> Void
    ) {
        var changed = question
        var wayBack = RewriteWayBack(question)
        for rule in rules {
            do throws(InvalidName) {
                guard try apply(rule, &changed, context, &wayBack) else { continue }
            } catch {
                let failure = UpstreamFailure(
                    responseCode: .serverFailure,
                    extendedError: .other,
                    description: "invalid name after rewrite: \(error.text)"
                )
                return completion(.failed(failure))
            }
            if !rule.continues { break }
        }
        guard wayBack.isNeeded || changed.octets != question.octets else {
            return context.next(changed, completion)
        }
        context.next(changed) { outcome in wayBack.restore(outcome, context, completion) }
    }

    private struct InvalidName: Error {
        let text: String
    }

    /// False when the rule is not for this question.
    private func apply(
        _ rule: RewriteRule,
        _ question: inout SourceQuestion,
        _ context: SourceContext,
        _ wayBack: inout RewriteWayBack
    ) throws(InvalidName) -> Bool {
        let name = question.name.description
        switch rule.change {
        case .name(let change):
            guard let text = change.pattern.replacing(name, with: change.replacement) else { return false }
            guard let target = DomainName(text) else { throw InvalidName(text: text) }
            question = question.asking(target, question.type, question.recordClass)
            wayBack.names.append((change, from: name, to: target.description))
        case .type(let from, let to):
            guard question.type == from else { return false }
            question = question.asking(question.name, to, question.recordClass)
        case .recordClass(let from, let to):
            guard question.recordClass == from else { return false }
            question = question.asking(question.name, question.type, to)
        case .timeToLive(let pattern, let range):
            guard pattern.groups(in: name) != nil else { return false }
            wayBack.lifetimes.append(range)
        case .responseCode(let pattern, let from, let to):
            guard pattern.groups(in: name) != nil else { return false }
            wayBack.codes.append((from, to))
        case .alias(let pattern, let target):
            wayBack.aliases.append((pattern, target))
        case .edns(let change):
            guard let sent = change.applied(to: question, context) else { return false }
            question = sent
        }
        return true
    }
}
