// What the lines of `rewrite` in one block mean (node-cache reference 3.16).

import Corefile
package import DNSWire
package import RegularExpression

/// All `rewrite` lines of a block, in file order.
package struct RewriteConfiguration: PluginConfiguration {
    package var rules: [RewriteRule]

    package var decidesAnswers: Bool { true }
}

/// One rule.
package struct RewriteRule: Hashable, Sendable {
    /// What is changed.
    package enum Change: Hashable, Sendable {
        case name(NameChange)
        case type(from: RecordType, to: RecordType)
        case recordClass(from: RecordClass, to: RecordClass)
        /// Into the range, for names that match.
        case timeToLive(NamePattern, ClosedRange<UInt32>)
        case responseCode(NamePattern, from: ResponseCode, to: ResponseCode)
        /// An alias whose target matches leads to another target.
        case alias(NamePattern, to: String)
        case edns(EDNSChange)
    }

    package var change: Change
    /// `continue`: the following rules see the question as this one left it.
    package var continues: Bool
}

/// Which names a rule is for. Texts are names as printed: in lower case, with the final dot.
package enum NamePattern: Hashable, Sendable {
    case exact(String)
    case prefix(String)
    case suffix(String)
    case substring(String)
    case regex(RegularExpression)

    /// The groups of a match, of which only `regex` has any; nil when the name does not match.
    func groups(in name: String) -> [String]? {
        switch self {
        case .exact(let text): name == text ? [] : nil
        case .prefix(let text): name.hasPrefix(text) ? [] : nil
        case .suffix(let text): name.hasSuffix(text) ? [] : nil
        case .substring(let text): name.contains(text) ? [] : nil
        case .regex(let expression): expression.firstMatch(in: name)?.groups.map { $0 ?? "" }
        }
    }

    /// `name` with what matched replaced by `replacement`; nil when the name does not match.
    func replacing(_ name: String, with replacement: String) -> String? {
        guard let groups = groups(in: name) else { return nil }
        switch self {
        case .exact: return replacement
        case .prefix(let text): return replacement + name.dropFirst(text.count)
        case .suffix(let text): return name.dropLast(text.count) + replacement
        case .substring(let text): return name.replacing(text, with: replacement)
        case .regex:
            // `{1}` is the first group.
            return groups.enumerated().reduce(replacement) {
                $0.replacing("{\($1.offset)}", with: $1.element)
            }
        }
    }
}

/// A `name` rule with its rules for the answer.
package struct NameChange: Hashable, Sendable {
    package var pattern: NamePattern
    package var replacement: String
    /// `answer auto`: names of the answer are changed back.
    package var restoresAnswers: Bool
    /// `answer name` and `answer value`.
    package var answers: [AnswerChange] = []
}

/// What an answer rule changes in every record.
package struct AnswerChange: Hashable, Sendable {
    package enum Place: Hashable, Sendable {
        /// The record's owner.
        case name
        /// The name in the record's data.
        case value
    }

    package var place: Place
    package var pattern: NamePattern
    package var replacement: String

    func changed(_ name: String) -> String? { pattern.replacing(name, with: replacement) }
}

/// An `edns0` rule.
package struct EDNSChange: Hashable, Sendable {
    package enum Action: String, Sendable, CaseIterable {
        case set
        case append
        case replace
        case unset
    }

    /// What the option's data are.
    package enum Value: Hashable, Sendable {
        case octets([UInt8])
        /// `{qname}` and its kind.
        case variable(String)
        /// EDNS Client Subnet of the client's address (RFC 7871), cut to so many bits.
        case subnet(v4: Int, v6: Int)
        /// For `unset`.
        case nothing
    }

    package var action: Action
    package var code: UInt16
    package var value: Value
}
