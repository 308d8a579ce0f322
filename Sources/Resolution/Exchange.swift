// The seam between a query's way and whoever asks other servers. `Upstream` fulfils it over the network,
// the scenario tests with a script.

package import Addresses
package import DNSWire

/// One question for an upstream, ready to be sent.
package struct UpstreamQuery: Sendable {
    /// The message with id 0: header, the question in the asker's spelling, our own OPT. The sender puts a
    /// fresh random id into the first two octets.
    package let message: [UInt8]
    /// Where the question ends in `message`; an answer must repeat `message[12..<questionEnd]` without regard
    /// to the case of letters.
    package let questionEnd: Int
    /// The transport of the client; `forward` without `force_tcp` or `prefer_udp` uses the same.
    package let clientTransport: Transport

    package init(message: [UInt8], questionEnd: Int, clientTransport: Transport) {
        self.message = message
        self.questionEnd = questionEnd
        self.clientTransport = clientTransport
    }
}

/// How a DNS message travels; the raw value is the label `proto` of the metrics.
package enum Transport: String, Sendable, CaseIterable {
    case udp
    case tcp
}

/// What came of a question.
package enum UpstreamOutcome: Sendable {
    /// A message that repeats the question; any response code. Its id is not the asker's.
    case answered([UInt8], from: Endpoint)
    case failed(UpstreamFailure)
}

/// Why no answer came: for the log line of `errors`, the response code and the extended error.
package struct UpstreamFailure: Error, Sendable, Hashable {
    /// REFUSED for `max_concurrent`, SERVFAIL for all else.
    package let responseCode: ResponseCode
    package let extendedError: ExtendedError
    /// In node-cache's words, for example `read udp 10.0.0.1:4211->10.0.0.2:53: i/o timeout`.
    package let description: String

    package init(responseCode: ResponseCode, extendedError: ExtendedError, description: String) {
        self.responseCode = responseCode
        self.extendedError = extendedError
        self.description = description
    }
}

/// Somebody who can be asked. Called on one event loop only, which is also where the outcome arrives.
package protocol Exchange: AnyObject {
    /// Asks; `completion` is called exactly once, never before `ask` has returned.
    func ask(_ query: UpstreamQuery, completion: @escaping (UpstreamOutcome) -> Void)

    /// Tells `reachability` from now on whether asking is worth it; nobody else is told any more.
    func report(to reachability: Reachability?)
}
