// The small parts of process life against the real kernel.

import Addresses
import Glibc
import Kernel
import TestSupport
import Testing
import Timing

@Suite struct MemoryFileTests {
    @Test(arguments: [0, 1, 65_536, 3_000_000])
    func givesBackWhatWasWritten(size: Int) throws {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let file = SharedDescriptor(try MemoryFile.make(name: "test", bytes))
        #expect(try file.readMemoryFile() == bytes)
        #expect(try file.readMemoryFile() == bytes, "reading does not move anything")
    }

    @Test func refusesWhatIsTooLarge() throws {
        let file = try MemoryFile.make(name: "test", [1, 2, 3])
        let error = #expect(throws: SystemError.self) { try MemoryFile.read(file, limit: 2) }
        #expect(error?.errno == EFBIG)
    }
}

@Suite struct MessageSocketTests {
    @Test func messagesStayApart() throws {
        let (parent, child) = try MessageSocket.pair()
        let other = try MessageSocket(owning: child.duplicate())
        try other.send([1, 2])
        try other.send([3])
        guard case .message(let first, _) = try parent.receive() else { return #expect(Bool(false)) }
        guard case .message(let second, _) = try parent.receive() else { return #expect(Bool(false)) }
        #expect(first == [1, 2])
        #expect(second == [3])
        guard case .nothing = try parent.receive() else { return #expect(Bool(false)) }
    }

    @Test func tooManyDescriptorsAreRefused() throws {
        let (parent, child) = try MessageSocket.pair()
        let limit = MessageSocket.descriptorLimit
        let error = #expect(throws: SystemError.self) {
            try parent.send([1], descriptors: Array(repeating: child.raw, count: limit + 1))
        }
        #expect(error?.errno == EINVAL)
        try parent.send([1], descriptors: Array(repeating: child.raw, count: limit))
        guard case .message(_, let received) = try MessageSocket(owning: child.duplicate()).receive() else {
            return #expect(Bool(false))
        }
        #expect(received.count == limit)
    }

    @Test func aMessageThatIsTooLongIsLostAndTheNextOneIsNot() throws {
        let (parent, child) = try MessageSocket.pair()
        let other = try MessageSocket(owning: child.duplicate())
        try parent.send(Array(repeating: 0, count: MessageSocket.sizeLimit + 1))
        try parent.send([7])
        let error = #expect(throws: SystemError.self) { try other.receive() }
        #expect(error?.errno == EMSGSIZE)
        guard case .message(let bytes, _) = try other.receive() else { return #expect(Bool(false)) }
        #expect(bytes == [7])
    }
}

@Suite struct TimerTests {
    /// Whether a descriptor becomes readable; waits as long as it takes, or looks once.
    private func isReadable(_ descriptor: CInt, wait: Bool) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, wait ? -1 : 0) == 1
    }

    @Test func ringsAtItsTimeAndIsSilencedBySettingIt() throws {
        let timer = try TimerDescriptor()
        #expect(!isReadable(timer.descriptor, wait: false))
        let due = MonotonicClock.now() + .milliseconds(5)
        timer.set(due)
        #expect(isReadable(timer.descriptor, wait: true))
        #expect(MonotonicClock.now() >= due)
        timer.set(nil)
        #expect(!isReadable(timer.descriptor, wait: false))
        timer.set(Instant(nanoseconds: 0))
        #expect(isReadable(timer.descriptor, wait: true), "a time that has passed rings at once")
    }
}

@Suite struct FilesTests {
    private let place: TemporaryDirectory
    private var directory: String { place.path }

    init() throws {
        place = try TemporaryDirectory()
    }

    @Test func replacesReadsListsAndRemoves() throws {
        let path = directory + "/b"
        try Files.replace(path, with: [1, 2, 3])
        try Files.replace(path, with: [4])
        try Files.replace(directory + "/a", with: [])
        try Files.replace(directory + "/.hidden", with: [])
        #expect(try Files.read(path) == [4])
        #expect(try Files.list(directory) == ["a", "b"])
        try Files.remove(path)
        try Files.remove(path)
        #expect(!Files.exists(path))
    }

    /// Opening one that nobody writes to would wait for ever.
    @Test func aPipeInPlaceOfAFileIsRefused() throws {
        let path = "/tmp/node-local-dns-test-\(getpid())-pipe"
        #expect(mkfifo(path, 0o600) == 0)
        defer { unlink(path) }
        let error = #expect(throws: SystemError.self) { try Files.read(path) }
        #expect(error?.errno == EINVAL)
    }

    @Test func saysWhatItCouldNotDo() {
        let missing = #expect(throws: SystemError.self) { try Files.read(directory + "/missing") }
        #expect(missing?.errno == ENOENT)
        let isDirectory = #expect(throws: SystemError.self) { try Files.read(directory) }
        #expect(isDirectory?.errno == EISDIR)
        let unwritable = #expect(throws: SystemError.self) {
            try Files.replace(directory + "/no/such", with: [])
        }
        #expect(unwritable?.errno == ENOENT)
    }

    @Test func aWatchedDirectoryTellsChanges() throws {
        let watcher = try DirectoryWatcher()
        let (watch, none) = (watcher.watch(directory), watcher.watch(directory + "/missing"))
        #expect(watch != nil)
        #expect(none == nil)
        let before = watcher.drain()
        try Files.replace(directory + "/a", with: [1])
        let (after, later) = (watcher.drain(), watcher.drain())
        #expect([before, after, later] == [false, true, false])
    }
}

@Suite struct InterfacesTests {
    @Test func theLoopbackInterfaceHasItsAddress() {
        #expect(Interfaces.addresses(of: "lo")?.contains(IPAddress(v4: 0x7f00_0001)) == true)
        #expect(Interfaces.addresses(of: "no-such-link") == nil)
    }
}
