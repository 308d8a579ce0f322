import Addresses
import Dnstap
import Resolution
import TestSupport
import Testing
import Timing

@testable import Dnstap

@Suite("Copies as protocol buffers")
struct TapMessageTests {
    private static let client = Endpoint(IPAddress(v4: 0xc000_0264), port: 41_231)

    private func encoded(_ event: TapEvent, _ message: [UInt8]?, _ parties: TapParties) -> String {
        let settings = DnstapSettings(
            target: .unix("/run/dnstap.sock"),
            identity: Array("n1".utf8),
            version: Array("v".utf8)
        )
        let clock = { (instant: Instant) in 1_700_000_000_000_000_000 + instant.nanoseconds }
        let octets =
            if let message {
                TapMessage.encoded(event, message.span, parties, extra: [], of: settings, wallClock: clock)
            } else {
                TapMessage.encoded(event, nil, parties, extra: [0x78], of: settings, wallClock: clock)
            }
        return hexText(octets)
    }

    @Test("A query of a client")
    func query() {
        let parties = TapParties(client: Self.client, transport: .udp, askedAt: Instant(nanoseconds: 258))
        let inner = "0805" + "1001" + "1801" + "2204c0000264" + "308fc202" + "4080e2cfaa06" + "4d02010000"
        let expected = "0a026e31" + "120176" + "1a0178" + "72\(length(of: inner))" + inner + "7801"
        #expect(encoded(.clientQuery, nil, parties).filter { $0 != " " } == expected)
    }

    @Test("A response of an upstream, with the message")
    func response() {
        let parties = TapParties(
            client: Endpoint(IPAddress(v6High: 0x2001_0db8_0000_0000, low: 1), port: 1),
            server: Endpoint(IPAddress(v6High: 0x2001_0db8_0000_0000, low: 0x35), port: 53),
            transport: .tcp,
            askedAt: Instant(nanoseconds: 0),
            answeredAt: Instant(nanoseconds: 1_000_000_001)
        )
        let inner =
            "0808" + "1002" + "1802" + "221020010db8000000000000000000000001"
            + "2a1020010db8000000000000000000000035" + "3001" + "3835" + "4080e2cfaa06" + "4d00000000"
            + "6081e2cfaa06" + "6d01000000" + "7203abcdef"
        let expected = "0a026e31" + "120176" + "72\(length(of: inner))" + inner + "7801"
        let seen = encoded(.forwarderResponse, [0xab, 0xcd, 0xef], parties)
        #expect(seen.filter { $0 != " " } == expected)
    }

    private func length(of hex: String) -> String { hexText([UInt8(hex.count / 2)]) }
}
