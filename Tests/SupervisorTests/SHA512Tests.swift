// Against sha512sum(1): the empty text, the one of FIPS 180-4, and lengths around the padding's edges.

import Supervisor
import Testing

@Suite struct SHA512Tests {
    @Test(arguments: [
        ("a", 0, "cf83e1357eefb8bdf1542850d66d8007"),
        ("abc", 1, "ddaf35a193617abacc417349ae204131"),
        ("a", 111, "fa9121c7b32b9e01733d034cfc78cbf6"),
        ("a", 112, "c01d080efd492776a1c43bd23dd99d0a"),
        ("a", 128, "b73d1929aa615934e61a871596b3f3b3"),
        ("a", 1000, "67ba5535a46e3f86dbfbed8cbbaf0125"),
    ])
    func digest(text: String, count: Int, beginning: String) {
        let message = Array(String(repeating: text, count: count).utf8)
        let digest = SHA512.hexadecimal(of: message)
        #expect(digest.count == 128)
        #expect(digest.hasPrefix(beginning))
    }
}
