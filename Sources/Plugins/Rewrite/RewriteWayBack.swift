// What is done to an answer whose question was rewritten.

import DNSWire
import Resolution

/// Gathered while the rules are applied, performed when the answer comes.
struct RewriteWayBack {
    private let original: SourceQuestion
    var names: [(change: NameChange, from: String, to: String)] = []
    var lifetimes: [ClosedRange<UInt32>] = []
    var codes: [(from: ResponseCode, to: ResponseCode)] = []
    var aliases: [(pattern: NamePattern, target: String)] = []

    init(_ original: SourceQuestion) { self.original = original }

    /// Whether anything but the question is to be restored.
    var isNeeded: Bool { !names.isEmpty || !lifetimes.isEmpty || !codes.isEmpty || !aliases.isEmpty }

    func restore(
        _ outcome: SourceOutcome,
        _ context: SourceContext,
        _ completion: @escaping (SourceOutcome) -> Void
    ) {
        guard case .answered(let message, let author, let place) = outcome, var reply = ReplyMessage(message)
        else { return completion(outcome) }
        let answer = { (reply: ReplyMessage) in
            var reply = reply
            restore(&reply)
            completion(.answered(reply.encoded(), by: author, from: place))
        }
        guard let alias = alias(in: reply), let target = DomainName(alias.target), let lookUp = context.lookUp
        else { return answer(reply) }
        // The alias leads elsewhere, and so do the records behind it.
        lookUp(target, original.type) { message in
            reply.answers = Array(reply.answers[...alias.index])
            reply.answers[alias.index].replaceTarget(with: target.wire)
            reply.answers += ReplyMessage(message)?.answers ?? []
            answer(reply)
        }
    }

    /// The first alias in the answer that a rule is for.
    private func alias(in reply: ReplyMessage) -> (index: Int, target: String)? {
        for (index, record) in reply.answers.enumerated() where record.type == .cname {
            guard let name = record.target?.description else { continue }
            for (pattern, target) in aliases {
                if let changed = pattern.replacing(name, with: target) { return (index, changed) }
            }
        }
        return nil
    }

    private func restore(_ reply: inout ReplyMessage) {
        reply.question = Array(original.octets)
        if let code = codes.first(where: { $0.from == reply.responseCode }) { reply.responseCode = code.to }
        guard isNeeded else { return }
        reply.forEachRecord { record in
            if let name = DomainName(wire: record.owner)?.description,
                let changed = changed(name, .name).flatMap({ DomainName($0) })
            {
                record.owner = changed.wire
            }
            if let name = record.target?.description,
                let changed = changed(name, .value).flatMap({ DomainName($0) })
            {
                record.replaceTarget(with: changed.wire)
            }
            for range in lifetimes {
                record.timeToLive = min(max(record.timeToLive, range.lowerBound), range.upperBound)
            }
        }
    }

    /// A name of the answer after all rules; nil when none is for it.
    private func changed(_ name: String, _ place: AnswerChange.Place) -> String? {
        var result: String?
        // The last change of the question is the first to be taken back.
        for (change, from, to) in names.reversed() {
            for answer in change.answers where answer.place == place {
                result = answer.changed(result ?? name) ?? result
            }
            guard change.restoresAnswers else { continue }
            let restored: String? =
                switch change.pattern {
                case .prefix(let text):
                    NamePattern.prefix(change.replacement).replacing(result ?? name, with: text)
                case .suffix(let text):
                    NamePattern.suffix(change.replacement).replacing(result ?? name, with: text)
                case .exact, .substring, .regex: (result ?? name) == to ? from : nil
                }
            result = restored ?? result
        }
        return result
    }
}
