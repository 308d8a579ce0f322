import Testing

@testable import Telemetry

@Suite struct ExpositionTests {
    @Test func familiesAreSortedAndSeriesAreSortedWithinThem() {
        var snapshot = MetricSnapshot()
        snapshot.add(.panics, 0)
        snapshot.add(.cacheHits, labels: ["dns://192.0.2.1:53", "success", "", "."], 7)
        snapshot.add(.cacheHits, labels: ["dns://192.0.2.1:53", "denial", "", "."], 1_500_000)
        snapshot.addHistogram(.healthDuration, bucketCounts: [3, 0, 1, 0, 0, 2], sum: 7.25)
        let expected = """
            # HELP coredns_cache_hits_total Look-ups that found an answer, stale ones included.
            # TYPE coredns_cache_hits_total counter
            coredns_cache_hits_total{server="dns://192.0.2.1:53",type="denial",view="",zones="."} 1.5e+06
            coredns_cache_hits_total{server="dns://192.0.2.1:53",type="success",view="",zones="."} 7
            # HELP coredns_health_request_duration_seconds Time the own health endpoint took to answer.
            # TYPE coredns_health_request_duration_seconds histogram
            coredns_health_request_duration_seconds_bucket{le="0.00025"} 3
            coredns_health_request_duration_seconds_bucket{le="0.0025"} 3
            coredns_health_request_duration_seconds_bucket{le="0.025"} 4
            coredns_health_request_duration_seconds_bucket{le="0.25"} 4
            coredns_health_request_duration_seconds_bucket{le="2.5"} 4
            coredns_health_request_duration_seconds_bucket{le="+Inf"} 6
            coredns_health_request_duration_seconds_sum 7.25
            coredns_health_request_duration_seconds_count 6
            # HELP coredns_panics_total Deaths of the worker process by a fault of its own.
            # TYPE coredns_panics_total counter
            coredns_panics_total 0

            """
        #expect(text(snapshot) == expected)
    }

    @Test func aHistogramsBoundComesAfterItsLabels() {
        var snapshot = MetricSnapshot()
        let counts: [UInt64] = [1] + Array(repeating: 0, count: Buckets.duration.count - 1)
        let labels = ["forward", "NOERROR", "192.0.2.1:53"]
        snapshot.addHistogram(.proxyDuration, labels: labels, bucketCounts: counts, sum: 0.0001)
        let first = #"coredns_proxy_request_duration_seconds_bucket{proxy_name="forward",rcode="NOERROR","#
        #expect(text(snapshot).contains(first + #"to="192.0.2.1:53",le="0.00025"} 1"#))
        #expect(text(snapshot).contains(#"to="192.0.2.1:53"} 0.0001"#))
    }

    @Test(arguments: [
        ("plain", "plain"),
        ("C:\\DIR", #"C:\\DIR"#),
        ("two\nlines", #"two\nlines"#),
        ("dos\r\nlines", "dos\r\\nlines"),
        ("a \"quoted\" word", #"a \"quoted\" word"#),
        ("ünï", "ünï"),
    ])
    func labelValuesAreEscaped(value: String, escaped: String) {
        #expect(Self.escaped(value, quotes: true) == escaped)
    }

    @Test func helpKeepsItsQuotes() {
        #expect(Self.escaped("a \"b\"\n\\", quotes: false) == #"a "b"\n\\"#)
    }

    /// What Go's strconv.FormatFloat(x, 'g', -1, 64) prints.
    @Test(arguments: [
        (0, "0"), (-0.0, "0"), (1, "1"), (-1, "-1"), (0.5, "0.5"), (12.25, "12.25"), (-12.25, "-12.25"),
        (999_999, "999999"), (1_000_000, "1e+06"), (1_234_567, "1.234567e+06"),
        (999_999.5, "999999.5"), (1_000_000.5, "1.0000005e+06"), (31_023_104, "3.1023104e+07"),
        (0.00025, "0.00025"), (0.0001, "0.0001"), (0.00001, "1e-05"), (0.000_012_5, "1.25e-05"),
        (0.064, "0.064"), (8.192, "8.192"), (5.24288, "5.24288"), (1e15, "1e+15"),
        (10_000_001, "1.0000001e+07"), (9_007_199_254_740_991, "9.007199254740991e+15"),
        (9_007_199_254_740_992, "9.007199254740992e+15"), (12_345_678_901, "1.2345678901e+10"),
        (1e16, "1e+16"),
        (1.795258825e9, "1.795258825e+09"), (0.1 + 0.2, "0.30000000000000004"),
        (Double(UInt64.max), "1.8446744073709552e+19"), (1e100, "1e+100"), (.leastNonzeroMagnitude, "5e-324"),
        (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
    ])
    func numbersLookLikeGos(value: Double, expected: String) {
        #expect(Self.text(of: value) == expected)
    }

    @Test func everyBoundReadsBackAsItself() {
        for bound in [Buckets.duration, .latency, .health, .size].flatMap(\.bounds) {
            #expect(Double(Self.text(of: bound)) == bound)
            #expect(Self.text(of: bound).utf8.count <= 8)
        }
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var bytes: [UInt8] = []
        ExpositionWriter.append(text, quotes: quotes, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func text(of value: Double) -> String {
        var bytes: [UInt8] = []
        ExpositionWriter.append(value, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func text(_ snapshot: MetricSnapshot) -> String {
        String(decoding: snapshot.render(), as: UTF8.self)
    }
}
