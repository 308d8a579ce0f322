// Questions and answers over one netlink channel: sequence numbers, acknowledgements, dumps. The kernel
// handles a request while it is being sent, so every answer already waits when send() returns: nothing
// here blocks, and nothing waits for ever.

import CNetlink
import Glibc

/// One conversation with the kernel; at most one request is under way.
final class NetlinkConnection {
    let channel: any NetlinkChannel
    private var lastSequence: UInt32 = 0

    init(_ channel: any NetlinkChannel) {
        self.channel = channel
    }

    /// The number for the next message.
    func nextSequence() -> UInt32 {
        lastSequence &+= 1
        return lastSequence
    }

    /// Sends a datagram and returns every message the kernel answered.
    func exchange(_ datagram: [UInt8]) throws(Errno) -> [NetlinkMessage] {
        try channel.send(datagram)
        var answers: [NetlinkMessage] = []
        while let part = try channel.receive() {
            answers += NetlinkMessage.messages(in: part)
        }
        return answers
    }

    /// Asks for one object, or has one message obeyed; returns what came besides the acknowledgement.
    @discardableResult
    func request(_ message: (_ sequence: UInt32) -> [UInt8]) throws(Errno) -> [NetlinkMessage] {
        let sequence = nextSequence()
        let answers = try exchange(message(sequence)).filter { $0.sequence == sequence }
        for answer in answers {
            if let errno = answer.acknowledgement, errno.code != 0 { throw errno }
        }
        // Neither an object nor an acknowledgement: the kernel does not do that, but silence is no consent.
        guard !answers.isEmpty else { throw Errno(EPROTO) }
        return answers.filter { $0.type >= NLMSG_MIN_TYPE }
    }

    /// Reads a whole list, again when it changed under our eyes.
    func dump(_ message: (_ sequence: UInt32) -> [UInt8]) throws(Errno) -> [NetlinkMessage] {
        var attempts = 3
        while true {
            let sequence = nextSequence()
            let answers = try exchange(message(sequence)).filter { $0.sequence == sequence }
            for answer in answers {
                if let errno = answer.acknowledgement, errno.code != 0 { throw errno }
            }
            guard answers.contains(where: { $0.type == NLMSG_DONE }) else { throw Errno(EPROTO) }
            attempts -= 1
            let isConsistent = answers.allSatisfy { $0.flags & UInt16(NLM_F_DUMP_INTR) == 0 }
            // After three torn lists the last one must do: the next check reads again.
            if isConsistent || attempts == 0 { return answers.filter { $0.type >= NLMSG_MIN_TYPE } }
        }
    }
}
