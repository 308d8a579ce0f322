// Short words for the tests of this folder.

import Addresses
import DNSWire
import Resolution
import TestSupport
import Timing
import Upstream

let serverA = Endpoint(IPAddress(v4: 0xc000_020a), port: 53)
let serverB = Endpoint(IPAddress(v4: 0xc000_020b), port: 53)
let serverC = Endpoint(IPAddress(v4: 0xc000_020c), port: 53)

extension Instant {
    /// Milliseconds after the beginning of a test.
    static func at(_ milliseconds: UInt64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }
}

/// A question for a name, ready to be sent, without OPT.
func query(_ name: String, type: UInt8 = 1, over transport: Transport = .udp) -> UpstreamQuery {
    let wire = DomainName(name)?.wire ?? [0]
    let header: [UInt8] = [
        0x00, 0x00, 0x01, 0x00,  // id 0, RD
        0x00, 0x01, 0x00, 0x00,  // one question, no answer
        0x00, 0x00, 0x00, 0x00,  // no authority, nothing additional
    ]
    let message = header + wire + [0, type, 0, 1]
    return UpstreamQuery(message: message, questionEnd: message.count, clientTransport: transport)
}

/// The octets of an answer to `query` under this id.
func reply(to query: UpstreamQuery, id: UInt16, code: UInt8 = 0, flags: UInt16 = 0x8180) -> [UInt8] {
    ScriptedLink.Sent.reply(to: query.message, code: code, flags: flags, id: id)
}

/// A forward group over a scripted network, with the outcomes of its questions.
final class Stage {
    let network = ScriptedNetwork()
    let counters = UpstreamCounters()
    let group: ForwardGroup
    private(set) var outcomes: [UpstreamOutcome] = []

    init(_ upstreams: [Endpoint], _ adjust: (inout ForwardSettings) -> Void = { _ in }) {
        var settings = ForwardSettings(upstreams: upstreams)
        settings.policy = .sequential
        adjust(&settings)
        group = ForwardGroup(settings, network: network, counters: counters)
    }

    /// Asks, and lets connections open.
    func ask(_ name: String, over transport: Transport = .udp) {
        group.ask(query(name, over: transport)) { self.outcomes.append($0) }
        network.settle()
    }

    func elapse(_ milliseconds: UInt64) { network.elapse(.milliseconds(milliseconds)) }

    /// The oldest message without an answer.
    var next: ScriptedLink.Sent? { network.unanswered.first }

    /// Where messages without an answer went, oldest first.
    var asked: [Endpoint] { network.unanswered.map(\.link.remote) }

    /// The outcomes in short: `NOERROR 192.0.2.10:53` or the failure's words.
    var results: [String] {
        outcomes.map { outcome in
            switch outcome {
            case .answered(let bytes, let server):
                "\(ResponseCode(rawValue: UInt16(bytes[3] & 15))) \(server)"
            case .failed(let failure): failure.description
            }
        }
    }
}
