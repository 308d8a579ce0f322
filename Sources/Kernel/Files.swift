// The few things we do with files: read one whole, list a directory, replace one without anybody ever seeing a
// half of it.

import Glibc

package enum Files {
    /// Nobody's configuration is larger; a mistake in a path might be.
    package static let sizeLimit = 16 << 20

    /// All bytes of a regular file; EISDIR for a directory, EFBIG for more than `sizeLimit`, EINVAL for what cannot
    /// be read to an end, such as a pipe: somebody may have put one where a file should be, and it is not waited for.
    package static func read(_ path: String) throws(SystemError) -> [UInt8] {
        let file = OwnedDescriptor(
            owning: try checked("open \(path)") { unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        )
        let raw = file.raw
        var status = stat()
        try checked("stat \(path)") { unsafe fstat(raw, &status) }
        guard [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) else {
            throw SystemError("read \(path)", errno: EINVAL)
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            // SAFETY: the call writes at most as much as the array holds.
            let count = try checked("read \(path)") { unsafe Glibc.read(raw, &buffer, buffer.count) }
            if count == 0 { return bytes }
            guard bytes.count + count <= sizeLimit else { throw SystemError("read \(path)", errno: EFBIG) }
            bytes += buffer[..<count]
        }
    }

    /// The names in a directory without those that begin with a dot, sorted.
    package static func list(_ directory: String) throws(SystemError) -> [String] {
        guard let stream = unsafe opendir(directory) else {
            throw SystemError("open \(directory)", errno: errno)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            // SAFETY: d_name ends with a zero octet; the entry is valid until the next call.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    package static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Whether it is a directory, also behind a symbolic link.
    package static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return false }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// Makes a directory for us alone; that there is one is fine.
    package static func makeDirectory(_ path: String) throws(SystemError) {
        do throws(SystemError) {
            try checked("make \(path)") { unsafe mkdir(path, 0o700) }
        } catch {
            if error.errno != EEXIST { throw error }
        }
    }

    /// Replaces a file in one step; in place when that cannot be, because the file is a mount point or the
    /// directory cannot be written.
    package static func replace(
        _ path: String,
        with bytes: [UInt8],
        permissions: UInt32 = 0o644
    ) throws(SystemError) {
        let temporary = path + ".new"
        do throws(SystemError) {
            try write(temporary, bytes, permissions)
            try checked("rename \(path)") { unsafe rename(temporary, path) }
        } catch {
            _ = unsafe unlink(temporary)
            try write(path, bytes, permissions)
        }
    }

    /// Removes a file; that there is none is fine.
    package static func remove(_ path: String) throws(SystemError) {
        do throws(SystemError) {
            try checked("remove \(path)") { unsafe unlink(path) }
        } catch {
            if error.errno != ENOENT { throw error }
        }
    }

    /// Writes a file in place; makes it if it is not there.
    package static func write(
        _ path: String,
        _ bytes: [UInt8],
        _ permissions: UInt32 = 0o644
    ) throws(SystemError) {
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
        let file = OwnedDescriptor(
            owning: try checked("open \(path)") { unsafe open(path, flags, permissions) }
        )
        let raw = file.raw
        var rest = bytes[...]
        while !rest.isEmpty {
            rest = rest.dropFirst(
                try checked("write \(path)") {
                    // SAFETY: the buffer outlives the call.
                    unsafe rest.withUnsafeBytes { unsafe Glibc.write(raw, $0.baseAddress, $0.count) }
                }
            )
        }
    }
}
