import Kernel
import Testing

@Suite struct MemoryLimitTests {
    private static let second = "36 35 0:31 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
    private static let first = "40 35 0:35 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n"
    private static let contained =
        "50 49 0:35 /kubepods/pod1/c1 /sys/fs/cgroup/memory ro master:9 - cgroup cgroup rw,memory\n"
    private static let other =
        "41 35 0:36 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n20 1 0:5 / /proc rw - proc proc rw\n"

    struct Machine: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let mounts: String
        let group: String
        let files: [String: String]
        let limit: Int?
    }

    @Test(arguments: [
        Machine(
            testDescription: "a container with a namespace of its own",
            mounts: other + second,
            group: "0::/\n",
            files: ["/sys/fs/cgroup/memory.max": "67108864\n"],
            limit: 67_108_864
        ),
        Machine(
            testDescription: "no limit",
            mounts: second,
            group: "0::/\n",
            files: ["/sys/fs/cgroup/memory.max": "max\n", "/sys/fs/cgroup/memory.high": "max\n"],
            limit: nil
        ),
        Machine(
            testDescription: "a unit below a slice that is narrower",
            mounts: second,
            group: "0::/system.slice/dns.service\n",
            files: [
                "/sys/fs/cgroup/system.slice/memory.max": "1000\n",
                "/sys/fs/cgroup/system.slice/dns.service/memory.max": "2000\n",
            ],
            limit: 1000
        ),
        Machine(
            testDescription: "a mark above which the kernel slows down",
            mounts: second,
            group: "0::/a\n",
            files: ["/sys/fs/cgroup/a/memory.max": "2000\n", "/sys/fs/cgroup/a/memory.high": "1500\n"],
            limit: 1500
        ),
        Machine(
            testDescription: "version 1",
            mounts: other + first,
            group: "3:cpu:/x\n4:memory:/a\n0::/\n",
            files: [
                "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4096\n",
            ],
            limit: 4096
        ),
        Machine(
            testDescription: "version 1 in a container, which sees its own group only",
            mounts: contained + other,
            group: "4:hugetlb,memory:/kubepods/pod1/c1\n",
            files: ["/sys/fs/cgroup/memory/memory.limit_in_bytes": "4096\n"],
            limit: 4096
        ),
        Machine(
            testDescription: "both versions at once",
            mounts: first + "42 35 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
            group: "4:memory:/a\n0::/b\n",
            files: ["/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4096\n"],
            limit: 4096
        ),
        Machine(
            testDescription: "a group outside of what is shown",
            mounts: "50 49 0:35 /c1 /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
            group: "0::/../c2\n",
            files: ["/sys/fs/cgroup/memory.max": "4096\n"],
            limit: 4096
        ),
        Machine(testDescription: "no control groups", mounts: other, group: "", files: [:], limit: nil),
    ])
    func ofAMachine(_ machine: Machine) {
        var files = machine.files
        files["/proc/self/mountinfo"] = machine.mounts
        files["/proc/self/cgroup"] = machine.group
        #expect(MemoryLimit.ownGroup { files[$0] } == machine.limit)
    }

    @Test func withoutProcThereIsNone() {
        #expect(MemoryLimit.ownGroup { _ in nil } == nil)
    }
}
