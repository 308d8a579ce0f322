import Glibc
import Kernel
import Testing

@Suite struct LocalListenerTests {
    private let path = "/tmp/node-local-dns-test-\(getpid())-ready"

    @Test func whoeverConnectsHearsTheLine() throws {
        for line in ["ready", "leaving"] {
            // The second one finds what the first has left.
            let door = try LocalListener(at: path)
            let asking = try Thread(name: "asking") { [path] in
                let heard = try? LocalListener.ask(path, milliseconds: 5000)
                #expect(heard == line)
            }
            let poller = try Poller()
            try poller.add(door.descriptor, token: 1)
            poller.wait(milliseconds: 5000) { _ in door.answer(line) }
            asking.join()
        }
        try Files.remove(path)
    }

    @Test func nobodyThereAndNoAnswerAreTwoThings() throws {
        #expect(throws: SystemError.self) { try LocalListener.ask(path + "-none", milliseconds: 5000) }
        let silent = try LocalListener(at: path + "-silent")
        let heard = try LocalListener.ask(path + "-silent", milliseconds: 10)
        #expect(heard == "")
        silent.answer("")
        try Files.remove(path + "-silent")
    }

    @Test func aPathThatIsTooLongIsRefused() {
        let error = #expect(throws: SystemError.self) {
            try LocalListener(at: "/tmp/" + String(repeating: "x", count: 104))
        }
        #expect(error?.errno == ENAMETOOLONG)
    }
}
