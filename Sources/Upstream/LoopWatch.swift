// The asking half of `loop`: each server of a forward line is asked, now and then, for a name that nobody else
// can know. If it comes back to us the server is taken out of the line, the others go on; when it stays away
// again, the server is taken back. Lives on the group's event loop as long as the group does.

package import Addresses
import DNSWire
package import Resolution
import Timing

/// Looks after the servers of one group.
package final class LoopWatch {
    /// What became known about a server.
    package enum Event: Sendable, Hashable {
        case found(Endpoint, LoopDetector.Sighting)
        case gone(Endpoint)
    }

    /// How often it is asked whether a probe is due; a late answer is followed up within this.
    private static let tick = Interval.milliseconds(500)
    /// After this a probe without answer is given up.
    private static let patience = Interval.seconds(2)
    /// A name is expected for so long: behind an upstream may be a slow one.
    private static let memory = Interval.seconds(30)

    private let group: ForwardGroup
    private let zone: DomainName
    private let detector: LoopDetector
    private let onEvent: (Event) -> Void
    private var states: [LoopState] = []

    private init(
        _ group: ForwardGroup,
        _ zone: DomainName,
        _ detector: LoopDetector,
        _ onEvent: @escaping (Event) -> Void
    ) {
        self.group = group
        self.zone = zone
        self.detector = detector
        self.onEvent = onEvent
        states = group.servers.map { _ in LoopState(at: group.network.now) }
    }

    /// Begins to ask the servers of `group`, if its settings say so. Call once for each group, on its loop.
    package static func start(
        on group: ForwardGroup,
        detector: LoopDetector,
        onEvent: @escaping (Event) -> Void
    ) {
        guard let zone = group.settings.loopZone else { return }
        LoopWatch(group, zone, detector, onEvent).wake()
    }

    private func wake() {
        guard !group.isClosing else { return group.takeBackAll() }
        let now = group.network.now
        for server in group.servers
        where states[server.index].isDue(timeouts: server.counters.value(.timeout), at: now) {
            probe(server)
        }
        // All groups at the same time: one wake-up of the loop, not one for each of them.
        let ticks = now.nanoseconds / Self.tick.nanoseconds + 1
        group.network.wake(at: Instant(nanoseconds: ticks * Self.tick.nanoseconds)) { self.wake() }
    }

    // MARK: - A probe

    private func probe(_ server: UpstreamServer) {
        guard let name = DomainName(freshName) else { return }
        detector.expect(name) { self.sighted($0, server) }
        group.network.wake(at: group.network.now + Self.memory) { [detector] in detector.forget(name) }
        let question = LoopQuestion(name, to: server, in: group) { isAnswered, wasSighted in
            self.ended(server, isAnswered: isAnswered, wasSighted: wasSighted)
        }
        asked[name] = question
        group.network.wake(at: group.network.now + Self.patience) {
            question.giveUp()
            self.asked[name] = nil
        }
    }

    private var asked: [DomainName: LoopQuestion] = [:]

    /// CoreDNS' form: two random numbers in front of the zone.
    private var freshName: String {
        let label = "\(group.network.random()).\(group.network.random())."
        return zone == .root ? label : label + zone.description
    }

    private func sighted(_ sighting: LoopDetector.Sighting, _ server: UpstreamServer) {
        asked[sighting.name]?.wasSighted = true
        guard !group.isClosing, states[server.index].sighted(at: group.network.now) else { return }
        group.takeOut(server)
        onEvent(.found(server.endpoint, sighting))
    }

    private func ended(_ server: UpstreamServer, isAnswered: Bool, wasSighted: Bool) {
        guard !wasSighted, !group.isClosing else { return }
        let now = group.network.now
        guard isAnswered else { return states[server.index].unanswered(at: now) }
        guard states[server.index].answered(at: now) else { return }
        group.takeBack(server)
        onEvent(.gone(server.endpoint))
    }
}

/// One probe over a link of its own.
private final class LoopQuestion: LinkReceiver {
    var wasSighted = false
    private let id: UInt16
    private var link: (any Link)?
    private let completion: (_ isAnswered: Bool, _ wasSighted: Bool) -> Void

    init(
        _ name: DomainName,
        to server: UpstreamServer,
        in group: ForwardGroup,
        completion: @escaping (_ isAnswered: Bool, _ wasSighted: Bool) -> Void
    ) {
        self.completion = completion
        id = group.network.randomID()
        link = group.network.open(
            server.carrier(over: group.settings.transport.transport(ofClient: .udp)),
            to: server.endpoint,
            within: group.settings.limits.connect,
            for: self
        )
        link?.send(QueryMessage.question(name, .hinfo, id: id), id: id)
    }

    func giveUp() { end(isAnswered: false) }

    private func end(isAnswered: Bool) {
        guard let link else { return }
        link.close()
        self.link = nil
        completion(isAnswered, wasSighted)
    }

    // MARK: LinkReceiver

    func linkOpened() {}

    func linkReceived(_ message: Span<UInt8>) {
        guard message.count >= 2, message.uint16(at: 0) == id else { return }
        end(isAnswered: true)
    }

    func linkFailed(_ failure: LinkFailure) { end(isAnswered: false) }
}
