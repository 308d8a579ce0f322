// The program's inner steps, without sockets: what a change of the wire format, the cache or the pipeline costs.
// Claims about speed come from `scripts/bench`, which has the kernel in it; this is where to look for the reason.
//
//     NODE_LOCAL_DNS_BENCHMARKS=1 swift package benchmark

import Addresses
import AnswerCache
import Benchmark
import DNSWire
import Kernel
import Resolution

let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = Benchmark.Configuration(
        metrics: [.wallClock, .throughput, .instructions],
        warmupIterations: 3,
        scalingFactor: .kilo,
        maxDuration: .seconds(1),
        maxIterations: 10_000
    )
    wire()
    cache()
    pipeline()
}

private func wire() {
    Benchmark("wire, read a question") { benchmark in
        let packet = World.question(1)
        var query = Query()
        for _ in benchmark.scaledIterations {
            blackHole(query.read(packet.span, hashing: World.hashing))
        }
    }
    Benchmark("wire, check an answer") { benchmark in
        let message = World.answer(1)
        for _ in benchmark.scaledIterations { blackHole(try AnswerMessage(message)) }
    }
    Benchmark("wire, write an error") { benchmark in
        let packet = World.question(1)
        var query = Query()
        guard query.read(packet.span, hashing: World.hashing) == .accepted else { return }
        var buffer = [UInt8](repeating: 0, count: Limits.ednsUDPSize)
        var output = buffer.mutableSpan
        for _ in benchmark.scaledIterations {
            blackHole(ReplyWriter.writeError(.refused, to: query, packet: packet.span, into: &output))
        }
    }
}

private func cache() {
    Benchmark("cache, insert among 10 000 until it evicts") { benchmark in
        let world = World(entries: 10_000)
        benchmark.startMeasurement()
        for index in benchmark.scaledIterations { World.insert(10_000 + index, into: world.cache) }
    }
    for entries in [1_000, 100_000, 1_000_000] {
        Benchmark("cache, hits among \(entries)") { benchmark, world in
            ask(world, thread: 0, times: benchmark.scaledIterations.count)
        } setup: {
            World(entries: entries, hot: min(entries, 65_536))
        }
    }
}

private func pipeline() {
    for blocks in [2, 10, 200] {
        Benchmark("pipeline, hits with \(blocks) blocks") { benchmark, world in
            ask(world, thread: 0, times: benchmark.scaledIterations.count)
        } setup: {
            World(entries: 1_000, blocks: blocks)
        }
    }
    Benchmark("pipeline, questions to ask upstream") { benchmark, world in
        var pipeline = World.pipeline()
        var buffer = [UInt8](repeating: 0, count: Limits.ednsUDPSize)
        var output = buffer.mutableSpan
        let packet = World.question(99_999_999)
        for _ in benchmark.scaledIterations {
            blackHole(
                pipeline.answer(
                    packet.span,
                    on: world.table,
                    Arrival(family: .v4, transport: .udp, at: World.start),
                    client: World.client,
                    into: &output
                )
            )
        }
    } setup: {
        World(entries: 1_000)
    }
    // Throughput of two over throughput of one is what locks and shared cache lines leave of a second thread.
    for threads in [1, 2] {
        let configuration = Benchmark.Configuration(scalingFactor: .mega, maxDuration: .seconds(2))
        Benchmark("pipeline, hits on \(threads) threads", configuration: configuration) { benchmark, world in
            let share = benchmark.scaledIterations.count / threads
            let running = try (0..<threads).map { number in
                try Thread(name: "hits-\(number)") { ask(world, thread: number, times: share) }
            }
            for thread in running { thread.join() }
        } setup: {
            World(entries: 1_000)
        }
    }
}

/// Hits on the names of `world`, one after the other.
private func ask(_ world: World, thread: Int, times: Int) {
    var pipeline = World.pipeline(thread: thread)
    var buffer = [UInt8](repeating: 0, count: Limits.ednsUDPSize)
    var output = buffer.mutableSpan
    let arrival = Arrival(family: .v4, transport: .udp, at: World.start)
    var next = 0
    for _ in 0..<times {
        let packet = world.questions[next]
        blackHole(
            pipeline.answer(
                packet.span,
                on: world.table,
                arrival,
                client: World.client,
                into: &output
            )
        )
        next += 1
        if next == world.questions.count { next = 0 }
        if next % batch == 0 { pipeline.repliesHaveLeft(world.table, arrival) }
    }
}

/// As many as a packet thread answers at a time.
private let batch = 64
