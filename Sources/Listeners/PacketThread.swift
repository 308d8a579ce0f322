// One packet thread: wait, receive a batch, answer what the cache knows, send, hand the rest over. This loop
// is what a node's DNS costs; between receive and send of a hit it allocates nothing and takes no lock but
// the cache shard's.

package import Addresses
import DNSWire
package import Kernel
package import Resolution
import Synchronization
import Timing

/// A UDP socket and what answers on it.
package struct DatagramListener: Sendable {
    package let socket: SharedDescriptor
    package let family: IPAddress.Family
    package let table: ZoneTable

    package init(socket: SharedDescriptor, family: IPAddress.Family, table: ZoneTable) {
        self.socket = socket
        self.family = family
        self.table = table
    }
}

/// A thread that serves UDP sockets. Started once, given listeners as often as the configuration changes.
package final class PacketThread: Sendable {
    /// Datagrams per system call: enough to share its cost, few enough to stay in the cache of the core.
    static let batchSize = 64
    /// A query is rarely over 512 octets, but may be: paddings, cookies, long names (node-cache's
    /// specification, chapter 7, 20).
    static let receiveSize = 4096
    /// Batches taken from one socket before the others get their turn.
    static let batchesPerTurn = 8

    private struct Orders {
        var listeners: [DatagramListener] = []
        var generation = 0
        var isStopping = false
    }

    private let orders = Mutex(Orders())
    private let wakeUp: WakeUp

    package init() throws(SystemError) {
        wakeUp = try WakeUp()
    }

    /// Serves `listeners` from the next batch on; what the old ones have queued is answered first.
    package func adopt(_ listeners: [DatagramListener]) {
        orders.withLock {
            $0.listeners = listeners
            $0.generation += 1
        }
        wakeUp.signal()
    }

    /// Answers what is queued and ends the thread.
    package func stop() {
        orders.withLock { $0.isStopping = true }
        wakeUp.signal()
    }

    /// Starts the thread; `pipeline` becomes its own.
    package func start(
        number: Int,
        pipeline: consuming sending QueryPipeline,
        misses: MissQueue
    ) throws(SystemError) -> Thread {
        let start = StartBox(pipeline)
        return try Thread(name: "dns-udp-\(number)") { [self] in
            guard let pipeline = start.take(),
                let batch = DatagramBatch(
                    slots: Self.batchSize,
                    receiveSize: Self.receiveSize,
                    replySize: Limits.ednsUDPSize
                )
            else { return }
            var loop = PacketLoop(pipeline: pipeline, batch: batch, misses: misses)
            run(&loop)
        }
    }
}

// MARK: - The loop

extension PacketThread {
    private static let wakeUpToken = UInt64.max

    private func run(_ loop: inout PacketLoop) {
        var seen = 0
        var listeners: [DatagramListener] = []
        var poller = makePoller(listeners)
        while true {
            let (generation, isStopping) = orders.withLock { ($0.generation, $0.isStopping) }
            if generation != seen || isStopping {
                // Level-triggered sockets lose nothing: what is queued shows up in the next poller.
                for index in listeners.indices { loop.drain(listeners[index]) }
                let isNew = generation != seen
                seen = generation
                listeners = orders.withLock { $0.listeners }
                if isStopping {
                    // Adopted and never served.
                    if isNew { for index in listeners.indices { loop.drain(listeners[index]) } }
                    return
                }
                poller = makePoller(listeners)
            }
            var wasWoken = false
            guard poller != nil else { return }
            poller?.wait(milliseconds: -1) { token in
                if token == Self.wakeUpToken {
                    wasWoken = true
                } else {
                    loop.serve(listeners[Int(truncatingIfNeeded: token)], batches: Self.batchesPerTurn)
                }
            }
            if wasWoken { wakeUp.clear() }
        }
    }

    private func makePoller(_ listeners: [DatagramListener]) -> Poller? {
        do throws(SystemError) {
            let poller = try Poller()
            try poller.add(wakeUp.descriptor, token: Self.wakeUpToken)
            for (index, listener) in listeners.enumerated() {
                try poller.add(listener.socket.raw, token: UInt64(index))
            }
            return poller
        } catch {
            return nil
        }
    }
}

/// Carries the pipeline into its thread.
private final class StartBox: Sendable {
    private let pipeline: Mutex<QueryPipeline?>

    init(_ pipeline: consuming sending QueryPipeline) {
        self.pipeline = Mutex(pipeline)
    }

    func take() -> QueryPipeline? {
        pipeline.withLock { $0.take() }
    }
}

/// What a packet thread works with.
struct PacketLoop: ~Copyable {
    private var pipeline: QueryPipeline
    private var batch: DatagramBatch
    private let misses: MissQueue
    /// Of the batch at hand; empty between batches.
    private var asked: [PendingQuery] = []

    init(pipeline: consuming QueryPipeline, batch: consuming DatagramBatch, misses: MissQueue) {
        self.pipeline = pipeline
        self.batch = batch
        self.misses = misses
    }

    /// More than a socket's queue holds, so that a flood cannot put off the end.
    private static let batchesInQueue = 1024

    /// Answers all that is queued.
    mutating func drain(_ listener: DatagramListener) { serve(listener, batches: Self.batchesInQueue) }

    /// Answers at most `batches` batches.
    mutating func serve(_ listener: DatagramListener, batches: Int) {
        let socket = listener.socket.raw
        var left = batches
        while left > 0 {
            let count = batch.receive(from: socket)
            if count == 0 { return }
            let arrival = Arrival(family: listener.family, transport: .udp, at: MonotonicClock.now())
            for slot in 0..<count { answer(slot, listener, arrival) }
            if batch.queued > 0 { batch.send(on: socket) }
            if !asked.isEmpty {
                misses.submit(asked)
                asked.removeAll(keepingCapacity: true)
            }
            if count < batch.slots { return }
            left -= 1
        }
    }

    @inline(__always)
    private mutating func answer(_ slot: Int, _ listener: DatagramListener, _ arrival: Arrival) {
        var question: (zone: Int, reason: AskReason)?
        batch.reply(to: slot) { packet, peer, output in
            switch pipeline.answer(packet, on: listener.table, arrival, client: peer.endpoint, into: &output)
            {
            case .reply(let size): return size
            case .replyAndRefresh(let size, let zone):
                question = (zone, .refresh)
                return size
            case .ask(let zone, let reason):
                question = (zone, reason)
                return 0
            case .drop: return 0
            }
        }
        guard let question else { return }
        asked.append(
            PendingQuery(
                packet: batch.octets(of: slot),
                table: listener.table,
                zone: question.zone,
                reason: question.reason,
                arrivedAt: arrival.at,
                replyPath: question.reason == .refresh
                    ? nil : DatagramReplyPath(socket: listener.socket, peer: batch.peer(of: slot)),
                family: listener.family,
                transport: .udp
            )
        )
    }
}
