// The content of a weight file: a domain on a line of its own, then the weights of its addresses, one to a line.
// A number sign at the start of a line makes a comment. The words of the errors are CoreDNS'.

package import Addresses
import Corefile
package import DNSWire

/// Weights by domain and address.
package struct WeightTable: Hashable, Sendable {
    /// What an address weighs that the file does not name.
    static let usualWeight = 1

    package struct Domain: Hashable, Sendable {
        package let name: DomainName
        package var weights: [IPAddress: Int] = [:]
    }

    /// In the order of their names' octets, so that a name is found by halving.
    package private(set) var domains: [Domain] = []

    /// The weights of the addresses that the name at `start` of a message owns.
    func domain(ofNameAt start: Int, in message: Span<UInt8>) -> Domain? {
        var candidates = domains.indices
        while !candidates.isEmpty {
            let middle = candidates.lowerBound + candidates.count / 2
            let name = domains[middle].name.wire
            let order = NameScan.order(start, in: message, to: name.span)
            if order == 0 { return domains[middle] }
            candidates =
                order < 0 ? candidates.lowerBound..<middle : middle + 1..<candidates.upperBound
        }
        return nil
    }
}

// MARK: - Reading

extension WeightTable {
    /// Reads a file; every line that says nothing sensible is reported with its place.
    init(_ text: String, file: String, report: (Diagnostic) -> Void) {
        var table: [DomainName: Domain] = [:]
        var current: DomainName?
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            do throws(Diagnostic) {
                let reader = LineReader(file: file, number: number + 1, line: line)
                switch words.count {
                case 1:
                    let name = try reader.domain(first)
                    current = name
                    if table[name] == nil { table[name] = Domain(name: name) }
                case 2:
                    let (address, weight) = try reader.weight(words)
                    guard let current else {
                        throw reader.flaw(first, "Missing domain name", hint: "write the domain above")
                    }
                    table[current]?.weights[address] = weight
                default:
                    throw reader.flaw(
                        first,
                        "Could not parse weight line:\"\(line)\"",
                        hint: "write a domain, or an address and its weight"
                    )
                }
            } catch {
                report(error)
            }
        }
        domains = table.values.sorted { $0.name.wire.lexicographicallyPrecedes($1.name.wire) }
    }
}

/// One line with its place.
private struct LineReader {
    let file: String
    let number: Int
    let line: Substring

    func domain(_ word: Substring) throws(Diagnostic) -> DomainName {
        guard IPAddress(word) == nil, let name = DomainName(word) else {
            throw flaw(word, "Wrong domain name:\"\(word)\"", hint: "maybe a weight is missing")
        }
        return name
    }

    func weight(_ words: [Substring]) throws(Diagnostic) -> (IPAddress, Int) {
        guard let address = IPAddress(words[0]) else {
            throw flaw(words[0], "Wrong IP address:\"\(words[0])\"", hint: "write ADDRESS WEIGHT")
        }
        guard let weight = UInt8(words[1]), weight > 0 else {
            throw flaw(words[1], "Wrong weight value:\"\(words[1])\"", hint: "write a number from 1 to 255")
        }
        return (address, Int(weight))
    }

    func flaw(_ word: Substring, _ problem: String, hint: String) -> Diagnostic {
        let column = line.distance(from: line.startIndex, to: word.startIndex) + 1
        return Diagnostic(
            at: SourceLocation(file: file, line: number, column: column),
            "\(problem) in weight file",
            hint: hint
        )
    }
}
