import DNSWire
import TestSupport
import Testing

/// Names inside messages.
@Suite struct NameScanTests {
    /// Octets, where the name at the place of the exclamation mark's number ends, and what it says.
    @Test(arguments: [
        ("00", 0, 1, "00"),
        ("01 'a' 00", 0, 3, "01 'a' 00"),
        ("01 'a' 00 01 'b' c0 00", 3, 7, "01 'b' 01 'a' 00"),  // a pointer back
        ("00 c0 00", 1, 3, "00"),
        ("01 'A' 00 c0 00", 3, 5, "01 'A' 00"),  // the spelling stays
        ("01 'a' 00 c0 00 c0 03", 5, 7, "01 'a' 00"),  // two pointers back
    ])
    func namesEndAndExpand(_ text: String, _ start: Int, _ end: Int, _ expanded: String) {
        let message = hex(text)
        var output: [UInt8] = []
        #expect(NameScan.end(of: start, in: message.span) == end)
        #expect(NameScan.expand(start, in: message.span, into: &output))
        #expect(output == hex(expanded))
    }

    @Test(arguments: [
        ("", 0), ("01", 0), ("01 'a'", 0), ("05 'a' 00", 0), ("40 00", 0), ("80 00", 0),
        ("c0", 0),  // half a pointer
        ("c0 00", 0),  // to itself
        ("c0 02 00", 0),  // forward
        ("c0 ff", 0),  // past the end
        ("c0 02 c0 00", 2),  // in a circle
        ("01 'a' c0 00", 0),  // a label and then itself
    ])
    func malformedNamesDoNotExpand(_ text: String, _ start: Int) {
        var output: [UInt8] = []
        #expect(!NameScan.expand(start, in: hex(text).span, into: &output))
    }

    @Test func expandedNamesHaveAtMost255Octets() {
        let label = [63] + [UInt8](repeating: 0x61, count: 63)
        let base = label + label + label + [0]  // 193 octets
        for (length, isRight) in [(61, true), (62, false)] {
            let message = base + [UInt8(length)] + [UInt8](repeating: 0x62, count: length) + [0xc0, 0]
            var output: [UInt8] = []
            #expect(NameScan.expand(base.count, in: message.span, into: &output) == isRight)
        }
    }

    @Test(arguments: [("00", 1), ("01 'a' 00 ff", 3), ("c0 00", nil), ("01 'a'", nil), ("01 'a' c0 00", nil)])
    func plainNamesHaveNoPointers(_ text: String, _ end: Int?) {
        #expect(NameScan.plainEnd(of: 0, in: hex(text).span) == end)
    }
}
