// Servers that do not speak EDNS and say so with FORMERR (RFC 6891, 7): they are asked without it, at once,
// and for a while from the start.

import DNSWire
import Resolution
import Timing

/// What is known of a server's EDNS.
struct EDNSMemory {
    /// Until when the server is asked without.
    private var plainUntil = Instant(nanoseconds: 0)

    /// As long as Unbound remembers it (`infra-host-ttl`): an upgraded server is noticed in the same hour.
    static let memory = Interval.seconds(900)

    func isSpoken(at now: Instant) -> Bool { now >= plainUntil }

    /// The server understood the question without EDNS that it had not understood with it.
    mutating func isNotSpoken(at now: Instant) { plainUntil = now + Self.memory }
}

extension ResponseCode {
    /// What servers say to an OPT record that they do not know.
    var mayMeanNoEDNS: Bool { self == .formatError || self == .notImplemented }
}

extension UpstreamQuery {
    /// Whether the message has an OPT record: nothing else stands behind its question.
    var hasEDNS: Bool { message.count > questionEnd }

    /// The same question without its OPT record.
    var withoutEDNS: UpstreamQuery {
        var plain = Array(message[..<questionEnd])
        plain[10] = 0
        plain[11] = 0
        return UpstreamQuery(message: plain, questionEnd: questionEnd, clientTransport: clientTransport)
    }
}
