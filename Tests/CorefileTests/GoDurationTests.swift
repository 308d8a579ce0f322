// Go's durations, in and out.

import Corefile
import Testing

@Suite("Go durations")
struct GoDurationTests {
    @Test(
        "are read as Go reads them",
        arguments: [
            ("0", 0), ("5s", 5_000_000_000), ("+5s", 5_000_000_000), ("-1m", -60_000_000_000),
            ("1h30m", 5_400_000_000_000), ("1.5h", 5_400_000_000_000), (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("22.5s", 22_500_000_000), ("300ms", 300_000_000), ("10us", 10_000), ("10µs", 10_000),
            ("7ns", 7), ("1m0.25s", 60_250_000_000), ("0s", 0), ("0.000000001s", 1),
        ]
    )
    func read(_ text: String, _ nanoseconds: Int64) {
        #expect(GoDuration(text)?.nanoseconds == nanoseconds)
    }

    @Test(
        "are nothing else",
        arguments: ["", "5", "s", ".", ".s", "5 s", "1x", "1h30", "--1s", "1e3s", "9999999h", "٣s", "-"]
    )
    func refused(_ text: String) {
        #expect(GoDuration(text) == nil)
    }

    @Test(
        "are printed as Go prints them",
        arguments: [
            ("0", "0s"), ("90s", "1m30s"), ("1h", "1h0m0s"), ("22.5s", "22.5s"), ("500ms", "500ms"),
            ("1500us", "1.5ms"), ("1500ns", "1.5µs"), ("7ns", "7ns"), ("-1.5s", "-1.5s"),
            ("25h1s", "25h0m1s"),
        ]
    )
    func printed(_ text: String, _ expected: String) {
        #expect(GoDuration(text)?.description == expected)
    }
}
