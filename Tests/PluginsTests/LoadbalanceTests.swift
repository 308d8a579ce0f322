import Addresses
import Corefile
import DNSWire
import Plugins
import Resolution
import TestSupport
import Testing

@Suite("loadbalance weighted")
struct LoadbalanceTests {
    private static let file = """
        www.example.org
        192.0.2.1 1
        192.0.2.2 3
        2001:db8::1 255
        """

    @Test("Each address comes first as often as its weight says")
    func distribution() throws {
        let filter = try filter(weights: Self.file)
        var first: [String: Int] = [:]
        var random = RandomStream(seed: 42)
        let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
        for _ in 0..<5000 {
            let reply = reply(to: "www.example.org. A", addresses, filter, &random)
            #expect(reply.lines.count == 3)
            first[String(try #require(reply.lines[0].split(separator: " ").last)), default: 0] += 1
        }
        // 1, 3, and 1 of what the file does not name; ten standard deviations of a fifth are 283.
        #expect(abs(first["192.0.2.1", default: 0] - 1000) < 283)
        #expect(abs(first["192.0.2.2", default: 0] - 3000) < 346)
        #expect(abs(first["192.0.2.3", default: 0] - 1000) < 283)
    }

    @Test("A name without weights has all its addresses first equally often")
    func others() throws {
        let filter = try filter(weights: Self.file)
        var random = RandomStream(seed: 42)
        var second = 0
        for _ in 0..<2000 {
            let reply = reply(to: "web.example.org. AAAA", ["2001:db8::1", "2001:db8::2"], filter, &random)
            if reply.lines[0].hasSuffix("2001:db8::2") { second += 1 }
        }
        #expect(abs(second - 1000) < 224)
    }

    @Test("Without the file all weigh the same, and a warning says that it is awaited")
    func missing() throws {
        #expect(
            findings("loadbalance weighted /weights") == [
                "2:22: warning: plugin/loadbalance: File does not exist: /weights "
                    + "(it is used as soon as it is there)"
            ]
        )
        let configured = try #require(block("loadbalance weighted /weights"))
        #expect(configured.plugin(LoadbalanceConfiguration.self)?.weights?.domains.isEmpty == true)
    }

    private func filter(weights: String) throws -> any ReplyFilter {
        let configured = try #require(
            block("loadbalance weighted /weights", files: ["/weights": weights])
        )
        let numbers = PluginNumbers(host: "", wallClock: { 0 })
        return try #require(ServerBlock.Plugins(configured, numbers: numbers).filters.first)
    }

    private func reply(
        to question: String,
        _ addresses: [String],
        _ filter: any ReplyFilter,
        _ random: inout RandomStream
    ) -> Message {
        let asked = Message(asking: question)
        let packet = asked.encoded()
        let words = question.split(separator: " ")
        let records = addresses.map { "\(words[0]) 60 \(words[1]) \($0)" }
        var octets = Message(answering: asked, ["NOERROR"] + records).encoded()
        var query = Query()
        #expect(query.read(packet.span, hashing: NameHash(key: 1, multiplier: 3)) == .accepted)
        let count = octets.count
        var output = octets.mutableSpan
        let size = filter.change(
            &output,
            size: count,
            limit: count,
            to: query,
            packet: packet.span,
            random: &random
        )
        #expect(size == count)
        return Message(octets) ?? asked
    }
}
