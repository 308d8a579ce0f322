// What one `dnstap` line asks for, as values.

package import Addresses
package import Resolution

/// Where copies go, and what is in them. Equal settings share one connection.
package struct DnstapSettings: Sendable, Hashable {
    /// A socket that somebody listens on.
    package enum Target: Sendable, Hashable {
        case unix(String)
        case tcp(Endpoint)
    }

    package let target: Target
    /// Copies hold the messages themselves.
    package var isFull = false
    /// Who we are; sent with every copy.
    package var identity: [UInt8]
    package var version: [UInt8]
    /// A text made of the query; nil for none.
    package var extra: LogFormat?
    package var limits = DnstapLimits()

    package init(target: Target, identity: [UInt8], version: [UInt8]) {
        self.target = target
        self.identity = identity
        self.version = version
    }
}

extension DnstapSettings.Target: CustomStringConvertible {
    /// As one writes it; label `to` of the metrics.
    package var description: String {
        switch self {
        case .unix(let path): "unix://\(path)"
        case .tcp(let endpoint): "tcp://\(endpoint)"
        }
    }
}

/// What an observer may cost us; each with its reason.
package struct DnstapLimits: Sendable, Hashable {
    /// Copies that wait for the observer; those that come on top are dropped, because no query waits for it.
    /// CoreDNS' number.
    package var waiting = 10_000
    /// Octets of them: `full` copies of large answers must not fill the memory of the node.
    package var waitingOctets = 16 << 20
    /// Octets handed to the socket that the observer has not taken yet.
    package var writeBuffer = 1 << 20
    /// Copies leave together after so many milliseconds: one write for many, and still fresh.
    package var flushMilliseconds: Int64 = 10
    /// For connecting and for the handshake.
    package var patienceMilliseconds: Int64 = 5000
    /// Between two attempts to connect: the first pause, which doubles up to the second.
    package var shortestPauseMilliseconds: Int64 = 100
    package var longestPauseMilliseconds: Int64 = 10_000
    /// For the observer to say that it has everything, when we end.
    package var farewellMilliseconds: Int64 = 500

    package init() {}
}
