// A worker inside the test's process: speaks through a real control socket and answers probes on the real
// sockets, so that only the second process is missing.

import Addresses
import Control
import Glibc
import Kernel
import NodeNetwork
import Supervisor
import Synchronization
import Timing

/// What happened, in order; the test waits for the next line.
final class Journal: Sendable {
    private let continuation: AsyncStream<String>.Continuation
    private let lines: AsyncStream<String>

    init() { (lines, continuation) = AsyncStream<String>.makeStream() }

    func note(_ line: String) { continuation.yield(line) }

    /// The next line that is not in `ignoring`.
    func next(ignoring: Set<String> = []) async -> String {
        for await line in lines where !ignoring.contains(line) { return line }
        return "the end"
    }
}

/// Serves on one thread until it is told to leave, or killed.
final class FakeWorker: WorkerProcess, Sendable {
    private enum Token {
        static let end: UInt64 = 0
        static let control: UInt64 = 1
        static let firstSocket: UInt64 = 2
    }

    private struct Life {
        var end: ProcessEnd?
        var isReported = false
    }

    private let ended: WakeUp
    private let killed: WakeUp
    private let life = Mutex(Life())
    private let journal: Journal
    /// Generations that this worker refuses.
    private let refused: Set<UInt64>

    let processorTime: Interval? = nil

    init(control: SharedDescriptor, journal: Journal, refused: Set<UInt64> = []) throws(SystemError) {
        ended = try WakeUp()
        killed = try WakeUp()
        self.journal = journal
        self.refused = refused
        let socket = try control.duplicate()
        let raw = socket.release()
        _ = try Thread(name: "fake worker") { [self] in
            do {
                try serve(WorkerChannel(owning: OwnedDescriptor(owning: raw)))
            } catch {
                journal.note("worker failed: \(error)")
            }
            ended.signal()
        }
    }

    var descriptor: CInt { ended.descriptor }

    func kill() -> SystemError? {
        end(.killed(signal: SIGKILL))
        return nil
    }

    /// Ends as a crash would.
    func end(_ how: ProcessEnd) {
        life.withLock { if $0.end == nil { $0.end = how } }
        killed.signal()
    }

    func reap() -> ProcessEnd? {
        life.withLock { life in
            guard !life.isReported, let end = life.end else { return nil }
            life.isReported = true
            return end
        }
    }

    private func serve(_ channel: WorkerChannel) throws {
        let poller = try Poller()
        try poller.add(killed.descriptor, token: Token.end)
        try poller.add(channel.descriptor, token: Token.control)
        var sockets: [ListeningSocket] = []
        var token = ""
        while life.withLock({ $0.end }) == nil {
            var failure: (any Error)?
            poller.wait(milliseconds: -1) { ready in
                do {
                    switch ready {
                    case Token.end: break
                    case Token.control:
                        switch try channel.receive() {
                        case .sockets(let more):
                            for socket in more {
                                journal.note("worker has \(socket.transport.rawValue) \(socket.endpoint)")
                                if socket.transport == .tcp {
                                    try Socket.listen(stream: socket.descriptor.raw)
                                }
                                try poller.add(
                                    socket.descriptor.raw,
                                    token: Token.firstSocket + UInt64(sockets.count)
                                )
                                sockets.append(socket)
                            }
                        case .configuration(let message):
                            token = message.token
                            let isRefused = refused.contains(message.generation)
                            journal.note("worker \(isRefused ? "refuses" : "serves") \(message.generation)")
                            try channel.send(
                                isRefused
                                    ? .rejected(generation: message.generation, reason: "not mine")
                                    : .ready(generation: message.generation)
                            )
                        case .metrics, .writeNumbers: break
                        case .drain:
                            journal.note("worker drains")
                            end(.exited(code: 0))
                        case nil: end(.exited(code: 0))
                        }
                    default: answer(sockets[Int(ready - Token.firstSocket)], token)
                    }
                } catch { failure = error }
            }
            if let failure { throw failure }
        }
    }

    /// One TXT record with the token to whatever was asked.
    private func answer(_ socket: ListeningSocket, _ token: String) {
        var query = [UInt8](repeating: 0, count: 512)
        switch socket.transport {
        case .udp:
            var peer = sockaddr_storage()
            var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
            withUnsafeMutablePointer(to: &peer) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    let flags = CInt(MSG_DONTWAIT)
                    let count = recvfrom(socket.descriptor.raw, &query, query.count, flags, address, &size)
                    guard count > 0 else { return }
                    let reply = Self.reply(Array(query.prefix(count)), token)
                    sendto(socket.descriptor.raw, reply, reply.count, 0, address, size)
                }
            }
        case .tcp:
            let connection = accept(socket.descriptor.raw, nil, nil)
            guard connection >= 0 else { return }
            defer { close(connection) }
            let count = recv(connection, &query, query.count, 0)
            guard count > 2 else { return }
            let reply = Self.reply(Array(query[2..<count]), token)
            let framed = [UInt8(reply.count >> 8), UInt8(reply.count & 0xff)] + reply
            send(connection, framed, framed.count, CInt(MSG_NOSIGNAL))
        }
    }

    static func reply(_ query: [UInt8], _ token: String) -> [UInt8] {
        var reply = query
        reply[2] |= 0x80  // QR
        reply[7] = 1  // one answer
        let text = [UInt8(token.utf8.count)] + Array(token.utf8)
        // The name of the question, TXT, CH, TTL 0.
        reply += [0xc0, 0x0c, 0x00, 0x10, 0x00, 0x03, 0, 0, 0, 0, 0, UInt8(text.count)] + text
        return reply
    }
}

/// A node whose network only writes down what is asked of it.
final class FakeNetwork: NetworkKeeper {
    private let journal: Journal

    init(_ journal: Journal) { self.journal = journal }

    private func note(_ line: String) -> NetworkReport {
        journal.note(line)
        return NetworkReport()
    }

    func setUpLink() -> NetworkReport { note("link is set up") }
    func removeForeignRules() -> NetworkReport { note("rules of node-cache are removed") }
    func installFallback() -> NetworkReport { note("fall-back is installed") }
    func moveFallback(to fallback: FallbackPlan?) -> NetworkReport {
        note("fall-back leads to \(fallback?.upstream.map(\.description).joined(separator: " ") ?? "nobody")")
    }
    func commitInterception() -> NetworkReport { note("interception begins") }
    func finishInterception() -> NetworkReport { note("interception finishes") }
    func withdrawInterception() -> NetworkReport { note("interception ends") }
    var isServedByAnother: Bool { false }
    func reconcile() -> NetworkReport { note("network is reconciled") }
    func tearDown() -> NetworkReport { note("network is torn down") }
    var interceptedFamilies: Set<IPAddress.Family> { [.v4] }
    var awaitsFallback: Bool { false }
    func isFallbackInstalled(_ family: IPAddress.Family) -> Bool { family == .v4 }
    var descriptors: [CInt] { [] }
    func drainEvents() -> Bool { false }
}
