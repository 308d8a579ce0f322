// A question that the cache could not answer, on its way from the thread that read it to the event loop.

package import Addresses
package import Timing

/// The way back to a client.
package protocol ReplyPath: Sendable {
    var transport: Transport { get }
    /// The client's address and port, for log lines; nil when the kernel did not tell.
    var client: Endpoint? { get }
    /// Sends one message. Called at most once, on the event loop.
    func deliver(_ reply: Span<UInt8>)
}

/// Why upstream is asked.
package enum AskReason: Sendable, Hashable {
    /// A client waits, and there is nothing for it.
    case miss
    /// A client waits; if upstream fails there is a stale answer for it.
    case verify
    /// The client has its answer; the entry wants to be fresh again.
    case refresh
    /// Nobody has asked yet, but is expected to (`search_ahead`).
    case ahead
}

/// A client's message and all that is needed to answer it later.
package struct PendingQuery: Sendable {
    package let packet: [UInt8]
    package let table: ZoneTable
    /// Index into `table.zones`.
    package let zone: Int
    package let reason: AskReason
    package let arrivedAt: Instant
    /// Nil where nobody waits: for a refresh, and for what is asked ahead.
    package let replyPath: (any ReplyPath)?
    package let family: IPAddress.Family
    package let transport: Transport

    /// Who asks, for those who tell clients apart.
    var asker: Asker {
        Asker(client: replyPath?.client, server: table.endpoint, transport: transport)
    }

    package init(
        packet: [UInt8],
        table: ZoneTable,
        zone: Int,
        reason: AskReason,
        arrivedAt: Instant,
        replyPath: (any ReplyPath)?,
        family: IPAddress.Family,
        transport: Transport
    ) {
        self.packet = packet
        self.table = table
        self.zone = zone
        self.reason = reason
        self.arrivedAt = arrivedAt
        self.replyPath = replyPath
        self.family = family
        self.transport = transport
    }
}
