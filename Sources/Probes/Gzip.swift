// Compression of responses (RFC 1952): a scrape of many zones is megabytes that repeat themselves. zlib does it.

import CZlib
import NIOHTTP1

enum Gzip {
    /// `content` compressed as fast as zlib can: one pass over the names makes a tenth of it, and a scraper waits.
    /// Nil when memory is short.
    static func compressed(_ content: [UInt8]) -> [UInt8]? {
        var stream = unsafe z_stream()
        let gzipWindow = 16 + MAX_WBITS
        // SAFETY: zlib sets up the structure, whose size it is told.
        let begun = unsafe deflateInit2_(
            &stream,
            Z_BEST_SPEED,
            Z_DEFLATED,
            gzipWindow,
            8,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            CInt(MemoryLayout<z_stream>.size)
        )
        guard begun == Z_OK else { return nil }
        // SAFETY: frees what the call above has taken.
        defer { unsafe deflateEnd(&stream) }
        // SAFETY: both buffers outlive the only call that uses them; `deflateBound` is enough for one call.
        let room = Int(unsafe deflateBound(&stream, UInt(content.count)))
        return unsafe [UInt8](unsafeUninitializedCapacity: room) { output, written in
            let end = unsafe content.withUnsafeBufferPointer { input in
                unsafe stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                unsafe stream.avail_in = UInt32(input.count)
                unsafe stream.next_out = output.baseAddress
                unsafe stream.avail_out = UInt32(room)
                return unsafe deflate(&stream, Z_FINISH)
            }
            written = end == Z_STREAM_END ? Int(unsafe stream.total_out) : 0
        }
    }
}

extension HTTPHeaders {
    /// Whether the client takes gzip (RFC 9110, 12.5.3): named, or `*`, and not with weight 0.
    var acceptsGzip: Bool {
        var answer = false
        for field in self[canonicalForm: "Accept-Encoding"] {
            let parts = field.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            guard let coding = parts.first, ["gzip", "x-gzip", "*"].contains(coding) else { continue }
            let isRefused = parts.dropFirst().contains { part in
                part.hasPrefix("q=") && Double(part.dropFirst(2)) == 0
            }
            // What is said about gzip itself counts more than what is said about all.
            if coding != "*" { return !isRefused }
            answer = !isRefused
        }
        return answer
    }
}
