// A pod's resolver as glibc's is: with fewer dots than `ndots` a name is tried below each domain of the search
// list first, then as it is; A and AAAA leave together, and the next name only when both have come back denied.
// Servers answer after a fixed time, so that a look-up's length is exact.

import Addresses
import DNSWire
import Resolution
import TestSupport
import Timing

/// Looks names up in the agent's inside, in virtual time.
final class StubResolver {
    /// Upstream servers by address, and how long each takes.
    private let delays: [String: Interval]
    private let search: [String]
    private let play = Play()
    private var nextID: UInt16 = 1
    /// Messages that the servers have taken, by link and id.
    private var taken: Set<[Int]> = []
    /// Questions that servers got.
    private(set) var questions = 0

    init(search: [String], delays: [String: Interval], corefile: String) {
        self.search = search
        self.delays = delays
        if let error = play.load(corefile) { preconditionFailure(error) }
    }

    /// How long a program waits for the addresses of `name`, which must have fewer dots than `ndots`.
    func lookUp(_ name: String) -> Interval {
        let start = play.network.now
        for candidate in search.map({ "\(name).\($0)." }) + ["\(name)."] where ask(candidate) { break }
        return play.network.now - start
    }

    /// Lets all that is under way arrive, and everything kept expire.
    func rest() {
        for _ in 0..<600 {
            serve()
            play.elapse(.milliseconds(100))
        }
    }

    /// Asks for both kinds of addresses; whether there are any.
    private func ask(_ name: String) -> Bool {
        for type in ["A", "AAAA"] {
            play.ask(Message(asking: "\(name) \(type)", id: nextID), over: .udp)
            nextID += 1
        }
        var replies: [Message] = []
        while replies.count < 2 {
            serve()
            if let reply = play.inbox.take().flatMap({ Message($0) }) {
                replies.append(reply)
            } else {
                play.elapse(.milliseconds(1))
            }
        }
        return replies.contains { !$0.answers.isEmpty }
    }

    /// The servers take what has reached them; what is below a search domain does not exist.
    private func serve() {
        for sent in play.network.unanswered where taken.insert([sent.link.number, Int(sent.id)]).inserted {
            guard let question = Message(sent.message), let asked = question.questions.first,
                let delay = delays["\(sent.link.remote.address)"]
            else { continue }
            questions += 1
            let isSearched = search.contains { asked.name.hasSuffix(".\($0).") }
            let record = asked.type == .a ? "A 192.0.2.10" : "AAAA 2001:db8::10"
            let lines =
                isSearched
                ? ["NXDOMAIN ra", "authority . 30 SOA a. b. 1 2 3 4 5"]
                : ["NOERROR ra", "\(asked.name) 30 \(record)"]
            let reply = Message(answering: question, lines).encoded()
            play.network.wake(at: play.network.now + delay) { sent.link.deliver(reply) }
        }
    }
}
