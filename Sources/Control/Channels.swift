// The two ends of the control socket. The supervisor's never waits; the worker's waits for the next message.

import Glibc
package import Kernel

/// The worker's end.
package struct WorkerChannel: Sendable {
    private let socket: MessageSocket

    /// Takes over the descriptor that the worker was started with.
    package init(owning socket: consuming OwnedDescriptor) throws(ControlError) {
        do throws(SystemError) {
            self.socket = try MessageSocket(owning: socket)
        } catch {
            throw .system(error)
        }
    }

    /// For a poller.
    package var descriptor: CInt { socket.descriptor }

    /// Waits for the next message; nil when the supervisor is gone: then answer what is queued, and exit.
    /// After `malformed` the channel is still good.
    package func receive() throws(ControlError) -> SupervisorMessage? {
        switch try socket.receiveReporting() {
        case .message(let bytes, let descriptors):
            return try SupervisorMessage(MessageText(bytes: bytes), descriptors)
        case .end: return nil
        case .nothing: throw .malformed("nothing, on a socket that waits")
        }
    }

    package func send(_ message: WorkerMessage) throws(ControlError) {
        try socket.sendReporting(message.text.bytes, [])
    }
}

/// The supervisor's end of one worker's channel.
package struct SupervisorChannel: Sendable {
    private let socket: MessageSocket

    package init(_ socket: MessageSocket) { self.socket = socket }

    /// A new channel: our end, and the descriptor for the worker to find as `Control.workerDescriptor`.
    package static func make() throws(ControlError) -> (
        supervisor: SupervisorChannel, worker: SharedDescriptor
    ) {
        do throws(SystemError) {
            let pair = try MessageSocket.pair()
            return (SupervisorChannel(pair.parent), pair.child)
        } catch {
            throw .system(error)
        }
    }

    /// Readable when the worker said something, or ended.
    package var descriptor: CInt { socket.descriptor }

    /// What a look at the channel found.
    package enum Reception: Hashable, Sendable {
        case message(WorkerMessage)
        case nothing
        case end
    }

    package func receive() throws(ControlError) -> Reception {
        switch try socket.receiveReporting() {
        case .message(let bytes, _): .message(try WorkerMessage(MessageText(bytes: bytes)))
        case .nothing: .nothing
        case .end: .end
        }
    }

    /// Sends without waiting; a list of sockets goes in as many messages as it needs.
    package func send(_ message: SupervisorMessage) throws(ControlError) {
        if case .sockets(let sockets) = message {
            for start in stride(from: 0, to: sockets.count, by: Control.socketsPerMessage) {
                let some = sockets[start..<min(start + Control.socketsPerMessage, sockets.count)]
                let text = SupervisorMessage.sockets(Array(some)).parts.text
                try socket.sendReporting(text.bytes, some.flatMap(\.descriptors))
            }
            return
        }
        let (text, attachment) = message.parts
        if case .writeNumbers(_, let file) = message {
            return try socket.sendReporting(text.bytes, [file.raw])
        }
        guard let attachment else { return try socket.sendReporting(text.bytes, []) }
        let file = try Self.memoryFile(text.name, attachment)
        try socket.sendReporting(text.bytes, [file.raw])
    }

    private static func memoryFile(
        _ name: String,
        _ bytes: [UInt8]
    ) throws(ControlError) -> OwnedDescriptor {
        do throws(SystemError) {
            return try MemoryFile.make(name: name, bytes)
        } catch {
            throw .system(error)
        }
    }
}

// MARK: - Helpers

extension ListeningSocket {
    /// As many as its lines.
    fileprivate var descriptors: [CInt] { [descriptor, owed].compactMap { $0?.raw } }
}

extension MessageSocket {
    fileprivate func receiveReporting() throws(ControlError) -> Reception {
        do throws(SystemError) {
            return try receive()
        } catch {
            throw error.errno == EMSGSIZE ? .malformed("too long") : .system(error)
        }
    }

    fileprivate func sendReporting(_ bytes: [UInt8], _ descriptors: [CInt]) throws(ControlError) {
        do throws(SystemError) {
            try send(bytes, descriptors: descriptors)
        } catch {
            switch error.errno {
            case EAGAIN: throw .notReading
            case EPIPE, ECONNRESET: throw .closed
            default: throw .system(error)
            }
        }
    }
}
