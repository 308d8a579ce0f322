// Bytes that travel between processes as a descriptor, because a datagram holds only so many.

import CLinux
import Glibc

package enum MemoryFile {
    /// More than any configuration has, less than what would harm a node.
    package static let usualLimit = 64 << 20

    /// A new unnamed file with these bytes; `name` only shows in /proc.
    package static func make(name: String, _ bytes: [UInt8]) throws(SystemError) -> OwnedDescriptor {
        let raw = try checked("memfd_create \(name)") { unsafe clinux_memory_file(name) }
        let file = OwnedDescriptor(owning: raw)
        try write(bytes, to: file)
        return file
    }

    /// Writes to the beginning of a memory file.
    package static func write(_ bytes: [UInt8], to file: borrowing OwnedDescriptor) throws(SystemError) {
        var written = 0
        let raw = file.raw
        while written < bytes.count {
            written += try checked("write memfd") {
                // SAFETY: the pointer stays inside the array, which outlives the call.
                unsafe bytes.withUnsafeBytes { buffer in
                    unsafe pwrite(
                        raw,
                        buffer.baseAddress.map { unsafe $0 + written },
                        buffer.count - written,
                        written
                    )
                }
            }
        }
    }

    /// All bytes of a memory file that another process made; refused when it has more than `limit`.
    package static func read(
        _ file: borrowing OwnedDescriptor,
        limit: Int = usualLimit
    ) throws(SystemError) -> [UInt8] {
        var status = stat()
        let raw = file.raw
        try checked("fstat memfd") { unsafe fstat(raw, &status) }
        guard status.st_size <= limit else { throw SystemError("read memfd", errno: EFBIG) }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = try checked("read memfd") {
                // SAFETY: the pointer stays inside the array, which outlives the call.
                unsafe bytes.withUnsafeMutableBytes { buffer in
                    unsafe pread(
                        raw,
                        buffer.baseAddress.map { unsafe $0 + filled },
                        buffer.count - filled,
                        filled
                    )
                }
            }
            if count == 0 { break }
            filled += count
        }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }
}
