import Resolution
import TestSupport
import Testing
import Timing
import Upstream

/// The server behind a Service address falls silent, and half a second later new connections lead to another one.
@Suite struct ReplacedServerTests {
    private static let silence = 200
    private static let replacement = 700
    private static let lastQuestion = 3_000

    private struct Played {
        var answered = 0
        var failures: [String] = []
        var slowest = 0
        var retries: UInt64 = 0
    }

    /// Asks a new name every `pause` milliseconds; what is alive answers a millisecond later.
    private func play(over transport: Transport, pause: Int) -> Played {
        let stage = Stage([serverA]) { $0.transport = transport == .tcp ? .tcp : .client }
        var played = Played()
        var firstAlive = 0
        for tick in 0..<Self.lastQuestion + 5_000 {
            if tick == Self.silence {
                stage.network.reachability[serverA] = .silent
                firstAlive = .max
            } else if tick == Self.replacement {
                stage.network.reachability[serverA] = .open
                firstAlive = stage.network.links.count
            }
            for sent in stage.network.unanswered where sent.link.number >= firstAlive { sent.reply() }
            if tick < Self.lastQuestion, tick.isMultiple(of: pause) {
                let asked = stage.network.now
                stage.group.ask(query("n\(tick).example.org")) { outcome in
                    switch outcome {
                    case .answered: played.answered += 1
                    case .failed(let failure): played.failures.append("\(tick): \(failure.description)")
                    }
                    played.slowest = max(
                        played.slowest,
                        Int((stage.network.now - asked).nanoseconds / 1_000_000)
                    )
                }
            }
            stage.elapse(1)
        }
        played.retries = stage.counters.value(.retries)
        return played
    }

    @Test(arguments: [Transport.tcp, .udp], [1, 10, 20])
    func everyQuestionIsAnsweredAndNoneWaitsForASecond(_ transport: Transport, _ pause: Int) {
        let played = play(over: transport, pause: pause)
        #expect(played.failures == [])
        #expect(played.answered == Self.lastQuestion / pause)
        #expect(played.slowest <= 1_000)
        // Few questions have to be asked so often that it adds up to a storm.
        #expect(played.retries <= 800)
    }
}
