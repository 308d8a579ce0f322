import Control
import Kernel
import NIOCore
import NIOEmbedded
import Telemetry
import Testing

@testable import Supervisor

/// What a scrape of the supervisor's port gets of the worker, over a real control socket in virtual time.
@Suite struct WorkerSnapshotsTests {
    private let snapshots = WorkerSnapshots()
    private let loop = EmbeddedEventLoop()
    private let supervisor: SupervisorChannel
    private let worker: WorkerChannel

    init() throws {
        let ends = try SupervisorChannel.make()
        supervisor = ends.supervisor
        worker = try WorkerChannel(owning: ends.worker.duplicate())
    }

    private final class Outcome {
        var numbers: MetricSnapshot??
    }

    private func ask() -> Outcome {
        let outcome = Outcome()
        snapshots.numbers(loop).assumeIsolated().whenSuccess { outcome.numbers = .some($0) }
        return outcome
    }

    /// The worker's side of one request; its number.
    private func write(_ bytes: [UInt8]) throws -> UInt64 {
        guard case .writeNumbers(let number, let file) = try worker.receive() else { throw Unexpected() }
        try file.writeMemoryFile(bytes)
        return number
    }

    private struct Unexpected: Error {}

    private static let numbers: MetricSnapshot = {
        var snapshot = MetricSnapshot()
        snapshot.add(.coalesced, 7)
        return snapshot
    }()

    @Test func allWhoAskAtTheSameTimeGetOneAnswer() throws {
        snapshots.ask(over: supervisor)
        let askers = [ask(), ask()]
        let number = try write(Self.numbers.encoded())
        #expect(askers.allSatisfy { $0.numbers == nil })
        snapshots.written(number)
        loop.run()
        #expect(askers.allSatisfy { $0.numbers == .some(Self.numbers) })
        let next = ask()
        #expect(try write(Self.numbers.encoded()) == number + 1)
        snapshots.written(number + 1)
        loop.run()
        #expect(next.numbers == .some(Self.numbers))
    }

    @Test func withoutAWorkerThereIsNothingToWaitFor() {
        #expect(ask().numbers == .some(nil))
        snapshots.ask(over: supervisor)
        let asker = ask()
        snapshots.ask(over: nil)
        loop.run()
        #expect(asker.numbers == .some(nil))
    }

    @Test func aWorkerThatHangsIsWaitedForHalfASecond() throws {
        snapshots.ask(over: supervisor)
        let asker = ask()
        loop.advanceTime(by: .milliseconds(499))
        #expect(asker.numbers == nil)
        loop.advanceTime(by: .milliseconds(1))
        #expect(asker.numbers == .some(nil))
        // It comes too late, and is not taken for the answer to the next request.
        let late = try write(Self.numbers.encoded())
        let next = ask()
        snapshots.written(late)
        loop.run()
        #expect(next.numbers == nil)
    }

    @Test(arguments: [[], [1], [0xff, 0xff, 0xff], [1, 4, 0, 0x61]] as [[UInt8]])
    func whatIsNoSnapshotIsNone(bytes: [UInt8]) throws {
        snapshots.ask(over: supervisor)
        let asker = ask()
        snapshots.written(try write(bytes))
        loop.run()
        let numbers = try #require(asker.numbers)
        #expect(numbers == nil || bytes == [1])
    }
}
