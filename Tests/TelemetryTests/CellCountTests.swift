// The constants that the packet path uses are those of the lists.

import Telemetry
import Testing

@Test("Cell counts are those of the bucket lists")
func cellCounts() {
    #expect(Buckets.durationCells == Buckets.duration.cellCount)
    #expect(Buckets.latencyCells == Buckets.latency.cellCount)
    #expect(Buckets.sizeCells == Buckets.size.cellCount)
}
