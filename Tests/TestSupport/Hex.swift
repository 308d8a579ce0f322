// Packets as a reader wants them: octets in hexadecimal, words in quotes, remarks behind a number sign.

/// The octets that `text` spells: `00 2a`, `'www'` for ASCII, the rest of a line behind `#` is a remark.
///
/// Whatever else stands there is ignored by nobody: it traps, because a test with a typo proves nothing.
package func hex(_ text: String) -> [UInt8] {
    var octets: [UInt8] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
        for word in line.prefix(while: { $0 != "#" }).split(whereSeparator: \.isWhitespace) {
            if word.first == "'" {
                precondition(word.count >= 2 && word.last == "'", "a word in quotes has no blanks: \(line)")
                octets += word.dropFirst().dropLast().utf8
                continue
            }
            precondition(word.count.isMultiple(of: 2), "half an octet: \(line)")
            var rest = word
            while !rest.isEmpty {
                guard let octet = UInt8(rest.prefix(2), radix: 16) else {
                    preconditionFailure("not hexadecimal: \(line)")
                }
                octets.append(octet)
                rest = rest.dropFirst(2)
            }
        }
    }
    return octets
}

/// Octets as `hex` reads them, for messages of failed tests.
package func hexText(_ octets: some Sequence<UInt8>) -> String {
    octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
}
