import Synchronization
import Telemetry
import Testing

@Suite struct CounterTests {
    @Test func cellsStartAtZeroAndCountApart() {
        let cells = CounterCells(count: 20)
        #expect((0..<20).allSatisfy { cells.value(at: $0) == 0 })
        cells.increment(0)
        cells.add(41, at: 19)
        cells.increment(19)
        #expect(cells.value(at: 0) == 1)
        #expect(cells.value(at: 18) == 0)
        #expect(cells.value(at: 19) == 42)
    }

    @Test func aReaderOfAnotherThreadSeesWhatWasWritten() async {
        let cells = CounterCells(count: 1)
        await Task.detached { for _ in 0..<10_000 { cells.increment(0) } }.value
        #expect(cells.value(at: 0) == 10_000)
    }

    @Test func severalWritersOfASharedCounterLoseNothing() async {
        let counter = SharedCounter()
        let gauge = SharedGauge(-5)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<1_000 { counter.add() }
                    gauge.add(3)
                }
            }
        }
        #expect(counter.value == 4_000)
        #expect(gauge.value == 7)
        gauge.set(-1)
        #expect(gauge.value == -1)
    }

    @Test func anObservedValueTouchesItsBucketAndTheSum() {
        let cells = CounterCells(count: Buckets.duration.cellCount + Buckets.size.cellCount)
        cells.observeDuration(nanoseconds: 250_000, at: 0)
        cells.observeDuration(nanoseconds: 9_000_000_000, at: 0)
        cells.observeSize(bytes: 44, at: Buckets.duration.cellCount)
        #expect(cells.value(at: 0) == 1)
        #expect(cells.value(at: 16) == 1)
        #expect(cells.value(at: 17) == 9_000_250_000)
        #expect(cells.value(at: Buckets.duration.cellCount + 1) == 1)
        #expect(cells.value(at: Buckets.duration.cellCount + 15) == 44)
    }
}
