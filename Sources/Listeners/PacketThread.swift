// One packet thread: wait for a batch, answer what the cache knows, send, hand the rest over. This loop is
// what a node's DNS costs; between receive and send of a hit it allocates nothing and takes no lock but the
// cache shard's. A thread serves one socket, so it waits in the receive call itself: no poll in between.

package import Addresses
import DNSWire
package import Kernel
package import Resolution
import Synchronization
import Telemetry
import Timing

/// A UDP socket and what answers on it.
package struct DatagramListener: Sendable {
    package let socket: SharedDescriptor
    /// A memory file that keeps what is read and not answered; nil: it dies with us.
    package let owed: SharedDescriptor?
    package let family: IPAddress.Family
    package let table: ZoneTable

    package init(
        socket: SharedDescriptor,
        owed: SharedDescriptor? = nil,
        family: IPAddress.Family,
        table: ZoneTable
    ) {
        self.socket = socket
        self.owed = owed
        self.family = family
        self.table = table
    }
}

/// A thread that serves one UDP socket until it is stopped.
package final class PacketThread: Sendable {
    /// Datagrams per system call: enough to share its cost, few enough to stay in the cache of the core.
    static let batchSize = 64
    /// A query is rarely over 512 octets, but may be: paddings, cookies, long names (node-cache's
    /// specification, chapter 7, 20).
    static let receiveSize = 4096

    private struct Orders {
        var listener: DatagramListener
        var isStopping = false
    }

    private let orders: Mutex<Orders>
    /// Grows with every change of the orders; the thread looks at it between receive and answer.
    private let revision = Atomic<Int>(0)
    private let hasEnded = Atomic<Bool>(false)
    /// Written by the thread alone, without a locked instruction.
    private let batches = Atomic<Int>(0)
    private let name: String
    private let thread = Mutex<Thread?>(nil)

    private init(_ listener: DatagramListener, name: String) {
        orders = Mutex(Orders(listener: listener))
        self.name = name
    }

    /// Starts a thread; `pipeline` becomes its own, `number` shows in its name.
    package static func start(
        _ listener: DatagramListener,
        number: Int,
        pipeline: consuming sending QueryPipeline,
        misses: MissQueue,
        counters: DatagramCounters = DatagramCounters()
    ) throws(SystemError) -> PacketThread {
        let ledger = try DatagramLedger(
            slots: Self.batchSize,
            receiveSize: Self.receiveSize,
            file: listener.owed
        )
        let packetThread = PacketThread(listener, name: "dns-udp-\(number)")
        let start = StartBox(pipeline)
        let thread = try Thread(name: packetThread.name) {
            defer { packetThread.hasEnded.store(true, ordering: .releasing) }
            guard let pipeline = start.take(),
                let batch = DatagramBatch(ledger: ledger, replySize: Limits.ednsUDPSize)
            else { return }
            var loop = PacketLoop(pipeline: pipeline, batch: batch, misses: misses)
            counters.takenOver.add(UInt64(loop.takeOver(listener)))
            packetThread.run(&loop)
        }
        packetThread.thread.withLock { $0 = thread }
        return packetThread
    }

    /// Answers with `table` all that is received from now on.
    package func adopt(_ table: ZoneTable) {
        orders.withLock {
            $0.listener = DatagramListener(
                socket: $0.listener.socket,
                owed: $0.listener.owed,
                family: $0.listener.family,
                table: table
            )
        }
        revision.wrappingAdd(1, ordering: .releasing)
    }

    /// Gives the socket's share of queries to the other sockets of its address; what was dealt to it is still
    /// answered, until `stop`.
    package func leaveGroup() { SocketGroup.leave(datagram: orders.withLock { $0.listener.socket.raw }) }

    /// Answers what is queued, ends the thread, and returns when it has ended.
    package func stop() {
        guard let thread = thread.withLock({ $0.take() }) else { return }
        orders.withLock { $0.isStopping = true }
        revision.wrappingAdd(1, ordering: .releasing)
        // A signal just before the receive call interrupts nothing: knock until the door opens.
        while !hasEnded.load(ordering: .acquiring) {
            thread.interrupt()
            Thread.pause(.milliseconds(1))
        }
        thread.join()
    }

    private func run(_ loop: inout PacketLoop) {
        var seen = revision.load(ordering: .acquiring)
        var (listener, isStopping) = orders.withLock { ($0.listener, $0.isStopping) }
        var taken = 0
        while true {
            let count = isStopping ? 0 : loop.receive(from: listener)
            if revision.load(ordering: .acquiring) != seen {
                seen = revision.load(ordering: .acquiring)
                (listener, isStopping) = orders.withLock { ($0.listener, $0.isStopping) }
            }
            loop.answer(count, listener)
            taken += 1
            batches.store(taken, ordering: .relaxed)
            if isStopping {
                loop.drain(listener)
                return
            }
        }
    }
}

extension PacketThread: CustomStringConvertible {
    /// How often the thread has come back from a batch.
    var batchesTaken: Int { batches.load(ordering: .relaxed) }

    /// Whether its socket holds a question that nobody has taken.
    var hasWaiting: Bool { Socket.hasWaiting(datagram: orders.withLock { $0.listener.socket.raw }) }

    /// `dns-udp-1 of 192.0.2.1:53`
    package var description: String {
        let endpoint = Socket.localEndpoint(of: orders.withLock { $0.listener.socket.raw })
        return endpoint.map { "\(name) of \($0)" } ?? name
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

    /// Waits for a batch; zero when an interrupt came first.
    mutating func receive(from listener: DatagramListener) -> Int {
        batch.receive(from: listener.socket.raw, waits: true)
    }

    /// Answers what a killed worker had read and not answered; how many questions that were.
    mutating func takeOver(_ listener: DatagramListener) -> Int {
        var taken = 0
        while true {
            let count = batch.takeOver()
            if count == 0 { return taken }
            answer(count, listener)
            taken += count
        }
    }

    /// Answers all that is queued.
    mutating func drain(_ listener: DatagramListener) {
        for _ in 0..<Self.batchesInQueue {
            let count = batch.receive(from: listener.socket.raw, waits: false)
            if count == 0 { return }
            answer(count, listener)
        }
    }

    /// Answers a batch of `count` datagrams.
    mutating func answer(_ count: Int, _ listener: DatagramListener) {
        if count == 0 { return }
        let arrival = Arrival(family: listener.family, transport: .udp, at: MonotonicClock.now())
        for slot in 0..<count { answer(slot: slot, listener, arrival) }
        if batch.queued > 0 {
            batch.send(on: listener.socket.raw)
            pipeline.repliesHaveLeft(listener.table, arrival)
        }
        if !asked.isEmpty {
            misses.submit(asked)
            asked.removeAll(keepingCapacity: true)
        }
    }

    @inline(__always)
    private mutating func answer(slot: Int, _ listener: DatagramListener, _ arrival: Arrival) {
        var question: (zone: Int, reason: AskReason)?
        batch.reply(to: slot) { packet, peer, output in
            var verdict = pipeline.answer(
                packet,
                on: listener.table,
                arrival,
                client: peer.endpoint,
                into: &output
            )
            if case .ask(let zone, _) = verdict, misses.isFull {
                // The loop is behind: this thread says so itself, which costs hardly more than a hit.
                misses.countShed()
                verdict = pipeline.answerWithoutAsking(
                    packet,
                    on: listener.table,
                    zone: zone,
                    arrival,
                    client: peer.endpoint,
                    into: &output
                )
            }
            switch verdict {
            case .reply(let size): return size
            case .replyAndRefresh(let size, let zone):
                if !misses.isFull { question = (zone, .refresh) }
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
                replyPath: question.reason == .refresh ? nil : replyPath(to: slot, listener),
                family: listener.family,
                transport: .udp
            )
        )
    }

    private func replyPath(to slot: Int, _ listener: DatagramListener) -> DatagramReplyPath {
        DatagramReplyPath(
            socket: listener.socket,
            peer: batch.peer(of: slot),
            ledger: batch.ledger,
            place: batch.ledger.keep(slot: slot)
        )
    }
}
