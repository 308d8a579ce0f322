// The one bridge from the packet threads to the event loop: a list under a lock, and an event. The loop takes the
// list in slices, each of them when it finds the event among its sockets, because it has more to do than to ask:
// upstream's answers, TCP clients and the supervisor's probes. A task would not do: as long as one is due the loop
// looks at no socket, and a flood of questions makes tasks faster than they are done.

package import Kernel
package import NIOCore
import NIOPosix
package import Resolution
import Synchronization
package import Telemetry

/// Carries questions to the loop that asks upstream.
package final class MissQueue: MetricSource {
    /// Questions between two looks at the sockets: a few milliseconds.
    static let slice = 256

    private let capacity: Int
    private let waiting = Mutex(CircularBuffer<PendingQuery>())
    private let count = Atomic<Int>(0)
    private let shed = SharedCounter()
    private let event: EventDescriptor
    private let accept: @Sendable (PendingQuery) -> Void

    /// More would wait longer than their askers want to; 20 000 clients that ask at the same moment fit.
    package static let enough = 24_576

    /// `accept` is called on `eventLoop`. About `capacity` questions may wait, each takes some 500 octets.
    package init(
        eventLoop: any EventLoop,
        capacity: Int = MissQueue.enough,
        accept: @escaping @Sendable (PendingQuery) -> Void
    ) throws(SystemError) {
        self.capacity = capacity
        self.accept = accept
        event = try EventDescriptor()
        let reader = try event.reader().release()
        NIOPipeBootstrap(group: eventLoop)
            // One slice, then the other sockets.
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 8))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(EventHandler { self.deliver() })
                }
            }
            .takingOwnershipOfDescriptor(input: reader)
            // The loop has ended before it began: nobody asks any more.
            .whenFailure { _ in _ = OwnedDescriptor(owning: reader) }
    }

    /// Whether another question would only wait for its asker to give up. It should be answered with what there
    /// is, and counted with `countShed`. Cheap, and a moment out of date.
    package var isFull: Bool { count.load(ordering: .relaxed) >= capacity }

    /// A question was not queued.
    package func countShed() { shed.add() }

    /// Queues `questions`; from any thread.
    package func submit(_ questions: [PendingQuery]) {
        let wasEmpty = waiting.withLock { waiting in
            defer { count.store(waiting.count, ordering: .relaxed) }
            let wasEmpty = waiting.isEmpty
            waiting.append(contentsOf: questions)
            return wasEmpty
        }
        if wasEmpty { event.signal() }
    }

    private func deliver() {
        let (slice, isRest) = waiting.withLock { waiting in
            // Moved, not copied: each holds several references.
            let slice = (0..<min(Self.slice, waiting.count)).map { _ in waiting.removeFirst() }
            count.store(waiting.count, ordering: .relaxed)
            return (slice, !waiting.isEmpty)
        }
        if isRest { event.signal() }
        for question in slice { accept(question) }
    }

    package func collect(into snapshot: inout MetricSnapshot) {
        snapshot.add(.shed, labels: ["queue_full"], shed.value)
    }
}

/// Says that the event was read.
private final class EventHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let happened: () -> Void

    init(_ happened: @escaping () -> Void) { self.happened = happened }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { happened() }
}
