// What a stranger may take from a probe server. The ports are open on the node's own address, so anybody
// who reaches the node may knock.

package import NIOCore

/// The limits of a probe server.
package struct ProbeLimits: Sendable {
    /// Connections at the same time; more are closed at once.
    package var connections = 64
    /// For a request to come in, a response to go out, or a connection to stay idle; each starts it anew.
    package var time = TimeAmount.seconds(5)
    /// Between two attempts to open a port that somebody else holds.
    package var retryInterval = TimeAmount.seconds(1)
    /// Of all header fields of a request, in bytes.
    package var headerBytes = 16 << 10
    /// Of a request's body, which nobody reads, in bytes.
    package var bodyBytes = 16 << 10
    /// A body that fits one packet travels no faster when it is smaller, in bytes.
    package var smallestCompressed = 1_400

    /// The limits CoreDNS has (`prometheus`: five seconds each), and ours where it has none.
    package init() {}
}
