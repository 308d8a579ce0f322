// What comes of a message on the thread that read it.

/// What to do with a message.
package enum Verdict: Sendable, Equatable {
    /// Send this many octets of the reply buffer.
    case reply(Int)
    /// Send them, and have the entry refreshed in the background.
    case replyAndRefresh(Int, zone: Int)
    /// Nothing to say yet: hand the message to the event loop.
    case ask(zone: Int, AskReason)
    case drop

    /// Whether the entry wants to be fresh again.
    package var wantsRefresh: Bool {
        if case .replyAndRefresh = self { true } else { false }
    }

    /// The same reply, and nothing else.
    var withoutRefresh: Verdict {
        if case .replyAndRefresh(let size, _) = self { .reply(size) } else { self }
    }
}
