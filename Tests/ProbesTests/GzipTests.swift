import CZlib
import NIOHTTP1
import Testing

@testable import Probes

@Suite struct GzipTests {
    @Test(arguments: [0, 1, 1_399, 65_536, 3_000_000])
    func whatIsCompressedCanBeRead(size: Int) throws {
        let content = (0..<size).map { UInt8(truncatingIfNeeded: $0 / 7 ^ $0 >> 9) }
        let compressed = try #require(Gzip.compressed(content))
        #expect(compressed.prefix(3) == [0x1f, 0x8b, 8])
        #expect(inflated(compressed, upTo: size + 1) == content)
    }

    /// Names repeat themselves: an exposition is a tenth of its size.
    @Test func linesOfMetricsBecomeShort() throws {
        let lines = (0..<10_000).map {
            "coredns_dns_requests_total{server=\"dns://192.0.2.1:53\",zone=\"z\($0 / 20).\"} \($0)\n"
        }
        let content = Array(lines.joined().utf8)
        #expect(try #require(Gzip.compressed(content)).count < content.count / 8)
    }

    @Test(
        arguments: [
            ([], false), (["gzip"], true), (["identity"], false), (["deflate, gzip;q=1.0, *;q=0.5"], true),
            (["gzip;q=0"], false), (["gzip; q=0.000, identity"], false), (["*"], true), (["*;q=0"], false),
            (["gzip;q=0, *"], false), (["*, gzip;q=0"], false), (["br", "GZIP"], true),
            (["gzip;q=0.001"], true),
            (["notgzip"], false), ([",;,"], false),
        ] as [([String], Bool)]
    )
    func whoTakesGzip(fields: [String], takes: Bool) {
        let headers = HTTPHeaders(fields.map { ("Accept-Encoding", $0) })
        #expect(headers.acceptsGzip == takes)
    }

    private func inflated(_ compressed: [UInt8], upTo limit: Int) -> [UInt8]? {
        var stream = z_stream()
        guard inflateInit2_(&stream, 16 + MAX_WBITS, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
        defer { inflateEnd(&stream) }
        var input = compressed
        var output = [UInt8](repeating: 0, count: limit)
        let end = input.withUnsafeMutableBufferPointer { from in
            output.withUnsafeMutableBufferPointer { to in
                stream.next_in = from.baseAddress
                stream.avail_in = UInt32(from.count)
                stream.next_out = to.baseAddress
                stream.avail_out = UInt32(to.count)
                return inflate(&stream, Z_FINISH)
            }
        }
        return end == Z_STREAM_END ? Array(output.prefix(Int(stream.total_out))) : nil
    }
}
