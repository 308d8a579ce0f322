// The answers of `template`.

import Addresses
import DNSWire
import RegularExpression
package import Resolution
import Telemetry

extension TemplateConfiguration: BlockPlugin {
    package static var name: String { TemplatePlugin.name }

    package func join(_ block: inout ServerBlock.Plugins, in place: PluginPlace) {
        block.beforeForward.append(TemplateSource(configuration: self, numbers: place.numbers))
    }
}

/// One template; a question that is not for it goes to the next.
struct TemplateSource: AnswerSource {
    let configuration: TemplateConfiguration
    let numbers: PluginNumbers
    var name: String { TemplatePlugin.name }

    var dependsOnClient: Bool {
        [configuration.answer, configuration.additional, configuration.authority].joined().contains {
            $0.text.contains(".Remote")
        }
    }

    func ask(
        _ question: SourceQuestion,
        in context: SourceContext,
        _ completion: @escaping (SourceOutcome) -> Void
    ) {
        let zone = configuration.zones.filter { question.name.isWithin($0) }.max {
            $0.wire.count < $1.wire.count
        }
        guard let zone, takes(question) else { return context.next(question, completion) }
        guard let data = data(of: question, zone, context) else {
            if configuration.fallThrough.lets(question.name) { return context.next(question, completion) }
            return completion(.unanswered(.serverFailure))
        }
        let series = Series(
            server: context.server,
            view: context.view,
            zone: zone.description,
            question: question
        )
        numbers.count(.templateMatches, series.labels)
        if configuration.code == .serverFailure, configuration.extendedError == nil {
            return completion(.unanswered(.serverFailure))
        }
        var reply = ReplyMessage(to: question, isAuthoritative: true, code: configuration.code)
        reply.extendedError = configuration.extendedError
        do throws(TemplateFailure) {
            reply.answers = try records(configuration.answer, "answer", data, series)
            reply.additional = try records(configuration.additional, "additional", data, series)
            reply.authority = try records(configuration.authority, "authority", data, series)
        } catch {
            let failure = UpstreamFailure(
                responseCode: .serverFailure,
                extendedError: .other,
                description: error.description
            )
            return completion(.failed(failure))
        }
        follow(question, reply, context) {
            completion(.answered($0.encoded(), by: .template, from: .plugin(name)))
        }
    }

    private func takes(_ question: SourceQuestion) -> Bool {
        let ofClass =
            configuration.recordClass == nil || question.recordClass == .any
            || question.recordClass == configuration.recordClass
        let ofType =
            configuration.type == nil || question.type == .any || question.type == configuration.type
        return ofClass && ofType
    }

    /// An alias for a question about addresses is followed, so that the client need not ask again.
    private func follow(
        _ question: SourceQuestion,
        _ reply: ReplyMessage,
        _ context: SourceContext,
        _ completion: @escaping (ReplyMessage) -> Void
    ) {
        let isAboutAddresses = question.type == .a || question.type == .aaaa
        let aliases = reply.answers.filter { $0.type == .cname }
        guard isAboutAddresses, aliases.count == 1, let target = aliases[0].target,
            !reply.answers.contains(where: { $0.type == question.type }), let lookUp = context.lookUp
        else { return completion(reply) }
        lookUp(target, question.type) { message in
            var reply = reply
            reply.answers += ReplyMessage(message)?.answers ?? []
            completion(reply)
        }
    }

    // MARK: - Data and records

    /// What a template may speak of; nil when no pattern matches the name.
    private func data(
        of question: SourceQuestion,
        _ zone: DomainName,
        _ context: SourceContext
    ) -> TemplateValue? {
        let name = question.name.description
        var match = [name]
        var groups = ["0": TemplateValue.string(name)]
        var pattern = ".*"
        if !configuration.patterns.isEmpty {
            var found: (groups: [String], names: [String?], pattern: String)?
            for expression in configuration.patterns {
                guard let match = expression.firstMatch(in: name) else { continue }
                found = (match.groups.map { $0 ?? "" }, expression.groupNames, expression.pattern)
                break
            }
            guard let found else { return nil }
            match = found.groups
            pattern = found.pattern
            groups = [:]
            for (number, group) in found.groups.enumerated() {
                groups["\(number)"] = .string(group)
                if let name = found.names[number] { groups[name] = .string(group) }
            }
        }
        let asked = TemplateValue.map([
            "Name": .string(name), "Qtype": .integer(Int(question.type.rawValue)),
            "Qclass": .integer(Int(question.recordClass.rawValue)),
        ])
        return .map([
            "Name": .string(name), "Zone": .string(zone.description),
            "Class": .string(question.recordClass.description), "Type": .string(question.type.description),
            "Match": .list(match.map { .string($0) }), "Group": .map(groups), "Regex": .string(pattern),
            "Remote": .string(context.client?.address.description ?? ""),
            "Question": asked, "Message": .map(["Question": .list([asked])]), "Meta": .method([:]),
        ])
    }

    private func records(
        _ templates: [GoTemplate],
        _ section: String,
        _ data: TemplateValue,
        _ series: Series
    ) throws(TemplateFailure) -> [ResourceRecord] {
        var records: [ResourceRecord] = []
        for template in templates {
            let text: String
            do throws(TemplateFailure) {
                text = try template.filled(with: data)
            } catch {
                numbers.count(.templateFailures, series.labels(section, template.text))
                throw error
            }
            do throws(ResourceRecord.TextFlaw) {
                if let record = try ResourceRecord.read(text) { records.append(record) }
            } catch {
                numbers.count(.templateRecordFailures, series.labels(section, template.text))
                throw TemplateFailure(description: error.description)
            }
        }
        return records
    }
}

/// Label values of one question, in the catalogue's order.
private struct Series {
    let server: String
    let view: String
    let zone: String
    let question: SourceQuestion

    /// class, server, type, view, zone
    var labels: [String] {
        [question.recordClass.description, server, question.type.description, view, zone]
    }

    /// class, section, server, template, type, view, zone
    func labels(_ section: String, _ template: String) -> [String] {
        [
            question.recordClass.description, section, server, template, question.type.description, view,
            zone,
        ]
    }
}
