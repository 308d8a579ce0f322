// How much memory this process may use before the kernel kills it: what its control group says, of either version.
// Containers and systemd units have one; a machine without either has none.

/// The memory limit of a control group.
package enum MemoryLimit {
    /// Octets that this process and those of its group may use together; nil when nothing bounds them but the machine.
    package static var ownGroup: Int? {
        ownGroup { path in
            // What cannot be read bounds nothing: no /proc, no /sys/fs/cgroup, or no rights there.
            guard let bytes = try? Files.read(path) else { return nil }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// The same by files that `read` lends; nil is a file that is not there.
    package static func ownGroup(read: (String) -> String?) -> Int? {
        guard let mounts = read("/proc/self/mountinfo"), let groups = read("/proc/self/cgroup") else {
            return nil
        }
        var least: Int?
        for mount in mounts.split(separator: "\n").compactMap(Mount.init) {
            guard let group = groups.split(separator: "\n").compactMap(mount.path).first else { continue }
            // Limits of all groups above hold as well (cgroups(7)), as far as they are shown to us.
            for directory in mount.directories(of: group) {
                for file in mount.version.files {
                    let value = read("\(directory)/\(file)")?.split(separator: "\n").first.flatMap { Int($0) }
                    if let value, value < unlimited { least = min(least ?? value, value) }
                }
            }
        }
        return least
    }

    /// Version 1 has no word for "no limit" but a number that no machine has.
    private static let unlimited = 1 << 60
}

/// One line of mountinfo (proc(5)) that shows control groups with memory among them.
private struct Mount {
    enum Version {
        case one
        case two

        /// The bound, and in version 2 also the one above which the kernel slows a group down.
        var files: [String] {
            switch self {
            case .one: ["memory.limit_in_bytes"]
            case .two: ["memory.max", "memory.high"]
            }
        }
    }

    let version: Version
    /// The group that the mount's directory shows: in a container mostly its own.
    let root: Substring
    let directory: Substring

    init?(_ line: Substring) {
        // 36 35 0:31 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate
        guard let separator = line.firstRange(of: " - ") else { return nil }
        let front = line[..<separator.lowerBound].split(separator: " ")
        let back = line[separator.upperBound...].split(separator: " ")
        guard front.count >= 5, back.count >= 3 else { return nil }
        switch back[0] {
        case "cgroup2": version = .two
        case "cgroup" where back[2].split(separator: ",").contains("memory"): version = .one
        default: return nil
        }
        root = front[3]
        directory = front[4]
    }

    /// The group in a line of /proc/self/cgroup, if it is one of this mount: `0::/a/b`, or `4:memory:/a/b`.
    func path(_ line: Substring) -> Substring? {
        let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        switch version {
        case .one: return parts[1].split(separator: ",").contains("memory") ? parts[2] : nil
        case .two: return parts[0] == "0" && parts[1].isEmpty ? parts[2] : nil
        }
    }

    /// The directories of `group` and of those above it, from the mount's own downwards.
    func directories(of group: Substring) -> [String] {
        // Seen from outside a container's namespace (`/..`), or beside what is mounted: only the mount's own is known.
        let isBelow = root == "/" || group == root || group.hasPrefix(root + "/")
        let rest = isBelow && !group.contains("/..") ? group.dropFirst(root == "/" ? 0 : root.count) : ""
        var directories = [String(directory)]
        for name in rest.split(separator: "/") {
            directories.append("\(directories[directories.count - 1])/\(name)")
        }
        return directories
    }
}
