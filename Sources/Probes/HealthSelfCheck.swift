// Asks the own health endpoint over the loopback once a second, as CoreDNS does: the time it takes tells
// how busy the process is. It changes nothing; the kubelet's own probe decides about life and death.

package import Addresses
package import NIOCore
import NIOPosix
import Synchronization
package import Telemetry

/// Why a check of the own health endpoint failed.
package enum ProbeError: Error, Hashable, Sendable {
    /// The connection ended before there was an answer.
    case closed
    /// There was no answer within the time limit.
    case timedOut
    /// The answer's status was not 200.
    case notHealthy
}

/// Measures the own health endpoint.
package final class HealthSelfCheck: Sendable {
    /// What CoreDNS logs about the check.
    package enum Trouble: Sendable {
        /// `Local health request to "…" failed: …`
        case failed(any Error)
        /// `Local health request to "…" took more than 1s: …`
        case slow(TimeAmount)
    }

    /// CoreDNS' limits: a check may take three seconds, and more than one is worth a line.
    private static let timeLimit = TimeAmount.seconds(3)
    private static let slowness = TimeAmount.seconds(1)

    private let endpoint: Endpoint
    private let loop: any EventLoop
    private let interval: TimeAmount
    private let onTrouble: @Sendable (Trouble) -> Void
    private let task = Mutex<RepeatedTask?>(nil)

    /// Written on `loop` only.
    private let duration = CounterCells(count: Buckets.health.cellCount)
    private let failures = SharedCounter()

    /// A check of `endpoint` that has not begun; an unspecified address is asked through the loopback.
    package init(
        of endpoint: Endpoint,
        group: any EventLoopGroup,
        interval: TimeAmount = .seconds(1),
        onTrouble: @escaping @Sendable (Trouble) -> Void = { _ in }
    ) {
        self.endpoint = endpoint.reachable
        self.loop = group.next()
        self.interval = interval
        self.onTrouble = onTrouble
    }

    /// Checks every interval until `stop`.
    package func start() {
        let repeated = loop.scheduleRepeatedAsyncTask(initialDelay: interval, delay: interval) { _ in
            self.check()
        }
        task.withLock { old in
            old?.cancel()
            old = repeated
        }
    }

    /// Ends the checks; one that is under way is not waited for.
    package func stop() {
        task.withLock { task in
            task?.cancel()
            task = nil
        }
    }
}

// MARK: - One check

extension HealthSelfCheck {
    /// Asks once; the future always succeeds, and says nothing: the counters do.
    private func check() -> EventLoopFuture<Void> {
        let begin = NIODeadline.now()
        return ask().map { nil }
            .recover { $0 }
            .map { error in self.record(NIODeadline.now() - begin, error) }
            .hop(to: loop)
    }

    private func record(_ time: TimeAmount, _ error: (any Error)?) {
        let nanoseconds = UInt64(clamping: time.nanoseconds)
        duration.increment(Buckets.healthIndex(nanoseconds: nanoseconds))
        duration.add(nanoseconds, at: Buckets.health.count)
        if let error {
            failures.add()
            onTrouble(.failed(error))
        } else if time > Self.slowness {
            onTrouble(.slow(time))
        }
    }

    private func ask() -> EventLoopFuture<Void> {
        let answer = loop.makePromise(of: Void.self)
        let overdue = loop.scheduleTask(in: Self.timeLimit) { answer.fail(ProbeError.timedOut) }
        answer.futureResult.whenComplete { _ in overdue.cancel() }
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(Self.timeLimit)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(HealthAnswer(answer))
                }
            }
        do {
            bootstrap.connect(to: try SocketAddress(endpoint)).whenComplete { result in
                switch result {
                case .success(let channel): self.send(over: channel, answer.futureResult)
                case .failure(let error): answer.fail(error)
                }
            }
        } catch {
            answer.fail(error)
        }
        return answer.futureResult
    }

    private func send(over channel: any Channel, _ answer: EventLoopFuture<Void>) {
        let request = "GET /health HTTP/1.1\r\nHost: \(endpoint)\r\nConnection: close\r\n\r\n"
        channel.writeAndFlush(channel.allocator.buffer(string: request), promise: nil)
        answer.whenComplete { _ in channel.close(promise: nil) }
    }
}

/// Reads the status line and no more.
private final class HealthAnswer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private static let healthy = "HTTP/1.1 200"

    private let answer: EventLoopPromise<Void>
    private var received = ByteBuffer()

    init(_ answer: EventLoopPromise<Void>) {
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        guard received.readableBytes >= Self.healthy.utf8.count else { return }
        if received.readableBytesView.starts(with: Self.healthy.utf8) {
            answer.succeed()
        } else {
            answer.fail(ProbeError.notHealthy)
        }
    }

    /// After an answer, this finds the promise kept and changes nothing.
    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(ProbeError.closed)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(error)
    }
}

extension HealthSelfCheck: MetricSource {
    package func collect(into snapshot: inout MetricSnapshot) {
        snapshot.addHistogram(.healthDuration, cells: duration, at: 0)
        snapshot.add(.healthFailures, failures.value)
    }
}

// MARK: - Helpers

extension Endpoint {
    /// The same port on the loopback, for an address that means "any".
    fileprivate var reachable: Endpoint {
        guard address.isUnspecified else { return self }
        let loopback = address.family == .v4 ? IPAddress(v4: 0x7F00_0001) : IPAddress(v6High: 0, low: 1)
        return Endpoint(loopback, port: port)
    }
}
