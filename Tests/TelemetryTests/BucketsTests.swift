import Telemetry
import Testing

@Suite struct BucketsTests {
    @Test func boundsAreThoseDashboardsKnow() {
        #expect(
            Buckets.duration.bounds == [
                0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024,
                2.048, 4.096, 8.192,
            ]
        )
        #expect(Buckets.latency.bounds.first == 0.00001)
        #expect(Buckets.latency.bounds.last == 5.24288)
        for buckets in [Buckets.duration, .latency, .health, .size] {
            #expect(buckets.bounds == buckets.bounds.sorted())
            #expect(buckets.cellCount == buckets.bounds.count + 2)
        }
    }

    @Test func aTimeThatIsABoundFallsIntoThatBoundsBucket() {
        expectEdges(Buckets.duration, Buckets.durationIndex(nanoseconds:))
        expectEdges(Buckets.latency, Buckets.latencyIndex(nanoseconds:))
        expectEdges(Buckets.health, Buckets.healthIndex(nanoseconds:))
    }

    @Test func aSizeThatIsABoundFallsIntoThatBoundsBucket() {
        for (index, bound) in Buckets.size.bounds.enumerated() {
            #expect(Buckets.sizeIndex(bytes: Int(bound)) == index)
            #expect(Buckets.sizeIndex(bytes: Int(bound) + 1) == index + 1)
        }
        #expect(Buckets.sizeIndex(bytes: -1) == 0)
        #expect(Buckets.sizeIndex(bytes: .max) == 14)
    }

    private func expectEdges(_ buckets: Buckets, _ index: (UInt64) -> Int) {
        #expect(index(0) == 0)
        #expect(index(.max) == buckets.bounds.count)
        for (expected, bound) in buckets.bounds.enumerated() {
            let nanoseconds = UInt64((bound * 1e9).rounded())
            #expect(index(nanoseconds - 1) == expected)
            #expect(index(nanoseconds) == expected)
            #expect(index(nanoseconds + 1) == expected + 1)
        }
    }
}
