// Control messages as text, and what must not be believed.

import Addresses
import Glibc
import Kernel
import Testing

@testable import Control

@Suite struct MessageTextTests {
    @Test func looksLikeThis() {
        let text = WorkerMessage.rejected(generation: 7, reason: "no\nsuch \\ port").text
        #expect(
            String(decoding: text.bytes, as: UTF8.self) == """
                node-local-dns-control/1 rejected
                generation 7
                reason no\\nsuch \\\\ port

                """
        )
    }

    @Test(arguments: [
        WorkerMessage.ready(generation: 1), .ready(generation: .max), .rejected(generation: 2, reason: ""),
        .rejected(generation: 2, reason: "a\n\\n b\u{e9}"),
    ])
    func workerMessagesArriveAsTheyWere(message: WorkerMessage) throws {
        #expect(try WorkerMessage(MessageText(bytes: message.text.bytes)) == message)
    }

    @Test(arguments: [
        "", "\n", "ready\n", "node-local-dns-control/2 ready\ngeneration 1\n",
        "node-local-dns-control/1 ready\n", "node-local-dns-control/1 ready\ngeneration\n",
        "node-local-dns-control/1 ready\ngeneration -1\n", "node-local-dns-control/1 ready\ngeneration 1",
        "node-local-dns-control/1 ready\ngeneration 99999999999999999999\n",
        "node-local-dns-control/1 steady\ngeneration 1\n",
        "node-local-dns-control/1 rejected\ngeneration 1\n",
        "node-local-dns-control/1\n",
    ])
    func malformedWorkerMessagesAreErrors(text: String) {
        #expect(throws: ControlError.self) { _ = try WorkerMessage(MessageText(bytes: Array(text.utf8))) }
    }

    @Test func bytesThatAreNoTextAreAnError() {
        #expect(throws: ControlError.malformed("not UTF-8")) { _ = try MessageText(bytes: [0xff, 0x0a]) }
    }

    @Test func aMessageThatIsCutOffIsAnError() throws {
        let bytes = WorkerMessage.rejected(generation: 12, reason: "why").text.bytes
        for length in 0..<bytes.count {
            #expect(throws: ControlError.self) {
                _ = try WorkerMessage(MessageText(bytes: Array(bytes.prefix(length))))
            }
        }
    }

    @Test(arguments: [
        // Sockets without descriptors, an unknown transport, no address, attachments that are missing.
        "node-local-dns-control/1 sockets\nudp 192.0.2.1:53\n",
        "node-local-dns-control/1 configuration\ngeneration 1\n",
        "node-local-dns-control/1 metrics\n", "node-local-dns-control/1 stop\n",
    ])
    func malformedSupervisorMessagesAreErrors(text: String) {
        #expect(throws: ControlError.self) {
            _ = try SupervisorMessage(MessageText(bytes: Array(text.utf8)), [])
        }
    }

    @Test(arguments: ["quic 192.0.2.1:53", "udp 192.0.2.1", "udp nonsense:53"])
    func socketsThatCannotBe(line: String) throws {
        let text = try MessageText(bytes: Array("node-local-dns-control/1 sockets\n\(line)\n".utf8))
        let descriptor = SharedDescriptor(try MemoryFile.make(name: "test", []))
        #expect(throws: ControlError.self) { _ = try SupervisorMessage(text, [descriptor]) }
    }
}
