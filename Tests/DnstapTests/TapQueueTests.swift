import Testing

@testable import Dnstap

@Suite("Copies that wait")
struct TapQueueTests {
    @Test("The first one calls for somebody, until whoever came has found nothing left")
    func awaited() {
        let queue = TapQueue(DnstapLimits())
        #expect(queue.put([1]) == .queuedFirst)
        #expect(queue.put([2, 2]) == .queued)
        #expect(queue.take(2) == [[1], [2, 2]])
        #expect(queue.put([3]) == .queued)
        #expect(queue.take(1) == [[3]])
        #expect(queue.take(1).isEmpty)
        #expect(queue.put([4]) == .queuedFirst)
    }

    @Test("Too many, or too large together, are dropped")
    func bounds() {
        var limits = DnstapLimits()
        limits.waiting = 2
        limits.waitingOctets = 5
        let queue = TapQueue(limits)
        #expect(queue.put([1]) == .queuedFirst && queue.put([2]) == .queued)
        #expect(queue.isFull && queue.put([3]) == .dropped)
        #expect(queue.take(100) == [[1], [2]])
        #expect(queue.put([1, 2, 3, 4, 5, 6]) == .queued)
        #expect(queue.isFull && queue.put([7]) == .dropped)
    }
}
