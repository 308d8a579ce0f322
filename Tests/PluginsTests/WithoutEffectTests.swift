import Addresses
import Corefile
import Plugins
import Testing

@Suite("Directives without effect")
struct WithoutEffectTests {
    @Test(
        "are taken with a warning that says why",
        arguments: [
            "root /etc/zones", "metadata", "metadata example.org", "cancel", "cancel 2s",
            "multisocket 4", "debug", "trace", "trace zipkin 192.0.2.1:9411 {\n every 2\n unknown x\n}",
            "pprof", "pprof :6053 {\n block\n}",
        ]
    )
    func accepted(_ line: String) throws {
        let name = String(line.prefix { $0 != " " })
        #expect(try #require(block(line + "\nforward . 192.0.2.1")).plugins.count == 1)
        let found = findings(line)
        #expect(found.count == 1)
        #expect(found[0].contains("warning: plugin/\(name): accepted without effect: "))
    }

    @Test("still have CoreDNS' numbers of arguments", arguments: ["debug x", "root", "trace a b c"])
    func refused(_ line: String) {
        #expect(findings(line).contains { $0.contains("Wrong argument count") })
    }
}

@Suite("Small directives")
struct SmallDirectiveTests {
    @Test("bufsize has a default and bounds")
    func bufsize() throws {
        #expect(try #require(block("bufsize")?.plugin(BufsizeConfiguration.self)).size == 1232)
        #expect(try #require(block("bufsize 512")?.plugin(BufsizeConfiguration.self)).size == 512)
        #expect(
            findings("bufsize 100") == [
                "2:9: error: plugin/bufsize: bufsize SIZE is below the minimum of 512 octets: 100 "
                    + "(write a value from 512 octets to 4096 octets; the default is 1232 octets)"
            ]
        )
        #expect(findings("bufsize\nbufsize 512").count == 1)
    }

    @Test(
        "ready has an address",
        arguments: [("", nil, 8181), (":8282", nil, 8282), ("192.0.2.1:80", "192.0.2.1", 80)]
            as [(String, String?, UInt16)]
    )
    func ready(_ text: String, _ address: String?, _ port: UInt16) throws {
        let ready = try #require(block("ready \(text)")?.plugin(ReadyConfiguration.self))
        #expect(ready.address?.description == address && ready.port == port)
    }

    @Test("timeouts takes durations and seconds")
    func timeouts() throws {
        let timeouts = try #require(
            block("timeouts {\n read 5s\n write 10s\n idle 30\n}")?.plugin(TimeoutsConfiguration.self)
        )
        #expect(timeouts.read == .seconds(5) && timeouts.idle == .seconds(30))
        #expect(findings("timeouts").count == 1)
        #expect(findings("timeouts {\n read 25h\n}").count == 1)
        #expect(findings("timeouts {\n reed 2h\n}")[0].hasSuffix("(did you mean 'read'?)"))
    }
}
