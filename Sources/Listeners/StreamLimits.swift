// What a TCP client may cost us (RFC 7766, 6.2; node-cache's time-outs are the defaults of its `timeouts`).

package import NIOCore

/// Bounds of TCP serving; each with its reason.
package struct StreamLimits: Sendable {
    /// Connections of all clients; each takes some 10 KiB here and a socket in the kernel.
    package var connections = 4096
    /// Connections of one client address: a pod needs one, a resolver library one per thread.
    package var connectionsPerClient = 256
    /// Queries of one connection that wait for upstream; more are not read until some are answered.
    package var waitingPerConnection = 256
    /// For the first whole query of a connection.
    package var firstQuery = TimeAmount.seconds(3)
    /// For each further one.
    package var idle = TimeAmount.seconds(10)

    package init() {}
}
