// A network without sockets for whoever forwards questions: the test sets the clock, sees every message that
// is sent, and decides what arrives. Nothing happens by itself but what is due by the clock.

package import Addresses
package import Resolution
package import Timing
package import Upstream

/// The seam `Upstream.Network` played by a script.
package final class ScriptedNetwork: Network {
    package private(set) var now = Instant(nanoseconds: 1_000_000_000)
    /// Every link that was opened, in order.
    package private(set) var links: [ScriptedLink] = []
    /// How servers take connections; those not named are open.
    package var reachability: [Endpoint: Reachability] = [:]
    /// What `random` gives next; empty means a plain sequence.
    package var dice: [UInt64] = []
    private var rolls: UInt64 = 0
    private var alarms: [(due: Instant, order: Int, action: () -> Void)] = []
    private var alarmsSet = 0
    private let clerk = Clerk()

    package init() {}

    /// Numbers the messages of all links in the order in which they were sent.
    fileprivate final class Clerk {
        var count = 0
    }

    /// What becomes of an attempt to connect.
    package enum Reachability: Sendable {
        case open
        case failing(LinkFailure.Reason)
        /// Nothing comes back: the dial ends with its patience.
        case silent
    }

    // MARK: Network

    package func random() -> UInt64 {
        rolls += 1
        return dice.isEmpty ? rolls : dice.removeFirst()
    }

    package func randomID() -> UInt16 { UInt16(truncatingIfNeeded: 0x4000 + random()) }

    package func open(
        _ carrier: Carrier,
        to remote: Endpoint,
        within patience: Interval,
        for receiver: any LinkReceiver
    ) -> any Link {
        let transport: Transport
        switch carrier {
        case .udp: transport = .udp
        case .tcp, .tls: transport = .tcp
        }
        let link = ScriptedLink(transport, remote, receiver, number: links.count, clerk)
        links.append(link)
        switch (transport, reachability[remote] ?? .open) {
        case (.tcp, .silent):
            wake(at: now + patience) { link.fail(LinkFailure(.dial, .timedOut)) }
        case (.tcp, .failing(let reason)):
            wake(at: now) { link.fail(LinkFailure(.dial, reason)) }
        case (.udp, .failing(let reason)):
            wake(at: now) { link.fail(LinkFailure(.read, reason)) }
        case (.tcp, .open), (.udp, .open), (.udp, .silent):
            wake(at: now) { link.becomeOpen() }
        }
        return link
    }

    package func wake(at deadline: Instant, _ action: @escaping () -> Void) {
        alarms.append((deadline, alarmsSet, action))
        alarmsSet += 1
    }
}

// MARK: - The script's side

extension ScriptedNetwork {
    /// Lets the clock run; what is due on the way happens at its instant.
    package func elapse(_ interval: Interval) {
        let end = now + interval
        while let next = alarms.filter({ $0.due <= end }).min(by: { ($0.due, $0.order) < ($1.due, $1.order) })
        {
            alarms.removeAll { $0.order == next.order }
            now = max(now, next.due)
            next.action()
        }
        now = end
    }

    /// Lets happen what is due now: connections open, outcomes are delivered.
    package func settle() { elapse(.zero) }

    /// Messages that were sent and neither answered nor given up, oldest first.
    package var unanswered: [ScriptedLink.Sent] {
        links.filter { !$0.isClosed }.flatMap(\.unanswered).sorted { $0.order < $1.order }
    }

    /// Links that have not ended.
    package var openLinks: [ScriptedLink] { links.filter { !$0.isClosed } }
}

/// One scripted connection or socket.
package final class ScriptedLink: Link {
    package let transport: Transport
    package let remote: Endpoint
    /// Which link this is, in order of opening.
    package let number: Int
    package private(set) var isOpen = false
    package private(set) var isClosed = false
    package fileprivate(set) var unanswered: [Sent] = []
    private var receiver: (any LinkReceiver)?
    private let clerk: ScriptedNetwork.Clerk

    /// A message as the server sees it.
    package struct Sent {
        package let link: ScriptedLink
        package let id: UInt16
        /// With the id in place.
        package let message: [UInt8]
        fileprivate let order: Int
    }

    fileprivate init(
        _ transport: Transport,
        _ remote: Endpoint,
        _ receiver: any LinkReceiver,
        number: Int,
        _ clerk: ScriptedNetwork.Clerk
    ) {
        self.clerk = clerk
        self.transport = transport
        self.remote = remote
        self.receiver = receiver
        self.number = number
    }

    // MARK: Link

    package var local: Endpoint? {
        isOpen ? Endpoint(IPAddress(v4: 0xc000_0201), port: UInt16(40_000 + number)) : nil
    }

    package func send(_ message: [UInt8], id: UInt16) {
        guard !isClosed else { return }
        clerk.count += 1
        let bytes = [UInt8(id >> 8), UInt8(id & 0xff)] + message[2...]
        unanswered.append(Sent(link: self, id: id, message: bytes, order: clerk.count))
    }

    package func close() {
        isClosed = true
        receiver = nil
    }

    // MARK: The script's side

    /// Makes `message` arrive; a message with the id of an unanswered one answers that.
    package func deliver(_ message: [UInt8]) {
        let id = message.count >= 2 ? UInt16(message[0]) << 8 | UInt16(message[1]) : 0
        unanswered.removeAll { $0.id == id }
        receiver?.linkReceived(message.span)
    }

    /// Makes the link end.
    package func fail(_ failure: LinkFailure) {
        guard !isClosed else { return }
        isClosed = true
        let receiver = self.receiver
        self.receiver = nil
        receiver?.linkFailed(failure)
    }

    fileprivate func becomeOpen() {
        guard !isClosed else { return }
        isOpen = true
        receiver?.linkOpened()
    }
}

extension ScriptedLink.Sent {
    /// Behind the question.
    package var questionEnd: Int { Self.questionEnd(of: message) }

    private static func questionEnd(of message: [UInt8]) -> Int {
        var end = 12
        while message[end] != 0 { end += 1 + Int(message[end]) }
        return end + 5
    }

    /// Answers with the question repeated, no records, and these bits set in the flags.
    package func reply(code: UInt8 = 0, flags: UInt16 = 0x8180, question: [UInt8]? = nil, id: UInt16? = nil) {
        link.deliver(Self.reply(to: message, code: code, flags: flags, question: question, id: id ?? self.id))
    }

    /// The octets of such an answer to a message with one question.
    package static func reply(
        to message: [UInt8],
        code: UInt8 = 0,
        flags: UInt16 = 0x8180,
        question: [UInt8]? = nil,
        id: UInt16
    ) -> [UInt8] {
        let bits = flags | UInt16(code)
        return [
            UInt8(id >> 8), UInt8(id & 0xff),
            UInt8(bits >> 8), UInt8(bits & 0xff),
            0, 1, 0, 0, 0, 0, 0, 0,
        ] + (question ?? Array(message[12..<questionEnd(of: message)]))
    }
}
