// Reads files of /proc whole. They have no size before they are read, and no Foundation is needed for it.

import Glibc

/// Files and folders of /proc.
enum ProcFile {
    /// More than any file read here has; a longer one is cut.
    private static let capacity = 64 << 10

    /// The file's text; nil when it cannot be read.
    static func text(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while bytes.count < capacity {
            // SAFETY: `read` writes at most `count` bytes into the buffer, and says how many.
            let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 4_096) { buffer, count in
                count = unsafe max(0, read(descriptor, buffer.baseAddress, buffer.count))
            }
            if chunk.isEmpty { break }
            bytes += chunk
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// How many entries a folder has; nil when it cannot be read.
    static func entryCount(_ path: String) -> Int? {
        guard let folder = unsafe opendir(path) else { return nil }
        defer { unsafe closedir(folder) }
        var count = 0
        while unsafe readdir(folder) != nil { count += 1 }
        return count - 2  // "." and ".."
    }
}
