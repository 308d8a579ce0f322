import Glibc
import Kernel
import Testing

/// What one thread opens, no other thread of the process has.
@Suite struct SecludedThreadTests {
    @Test func descriptorsAreItsOwn() throws {
        let ours = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(ours) }
        let thread = try SecludedThread(name: "secluded")
        let seenThere = thread.run { [ours] in fcntl(ours, F_GETFD) }
        #expect(seenThere == -1)
        // Many, so that it cannot be one that happens to be open here.
        let theirs = thread.run { (0..<2_000).map { _ in dup(0) }.max() ?? -1 }
        #expect(theirs >= 2_000)
        #expect(fcntl(theirs, F_GETFD) == -1)
        #expect(fcntl(ours, F_GETFD) == FD_CLOEXEC)
    }

    @Test func itsEndClosesWhatItHas() throws {
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        let (reading, writing) = (ends[0], ends[1])
        defer { close(reading) }
        do {
            let thread = try SecludedThread(name: "secluded")
            let process = getpid()
            // The thread opens the writing end anew; ours is closed.
            let opened = thread.run { open("/proc/\(process)/fd/\(writing)", O_WRONLY | O_CLOEXEC) }
            try #require(opened >= 0)
            close(writing)
            var isOver = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
            #expect(poll(&isOver, 1, 0) == 0)
            #expect(thread.run { write(opened, "x", 1) } == 1)
        }
        var octets: [UInt8] = [0, 0]
        #expect(read(reading, &octets, 2) == 1)
        // Returns when nobody can write any more.
        #expect(read(reading, &octets, 2) == 0)
    }
}
