// Blocks as values: identity over a reload, listeners, and what only shows over several blocks.

import Addresses
import Corefile
import DNSWire
import Plugins
import Testing

@Suite("Configurations")
struct ConfigurationTests {
    private static let text = """
        . {
            bind 192.0.2.9
            cache 30
            log
            forward . 192.0.2.1
        }
        """

    private static func first(_ text: String) throws -> ServerBlockConfiguration {
        try #require(check(text).configuration?.blocks.first)
    }

    // MARK: - Identity

    @Test(
        "are equal when they mean the same",
        arguments: [
            ("", ""), ("\n    cache", "\n\n # moved\n    cache"),
            ("cache 30", "cache {\nsuccess 10000 30\ndenial 10000 30\n}"),
            (". {", "dns://.:53 {"),
        ]
    )
    func equal(_ old: String, _ new: String) throws {
        let left = try Self.first(Self.text)
        let right = try Self.first(Self.text.replacing(old, with: new))
        #expect(left == right)
        #expect(left.hashValue == right.hashValue)
        #expect(left.cacheIdentity == right.cacheIdentity)
    }

    @Test(
        "differ when a word means something else; only some words concern the cache",
        arguments: [
            (". {", ".:54 {", true), ("192.0.2.9", "192.0.2.8", true), ("    log\n", "", true),
            ("cache 30", "cache 31", false), ("192.0.2.1", "192.0.2.2", false),
            (". {", "example.org {", false),
            ("192.0.2.1", "192.0.2.1 {\n force_tcp\n}", true),
            ("192.0.2.1", "192.0.2.1 {\n except example.org\n}", false),
        ]
    )
    func different(_ old: String, _ new: String, keepsCache: Bool) throws {
        let left = try Self.first(Self.text)
        let right = try Self.first(Self.text.replacing(old, with: new))
        #expect(left != right)
        #expect((left.cacheIdentity == right.cacheIdentity) == keepsCache)
    }

    // MARK: - Listeners

    @Test("have their listeners sorted, each with its zones, the longest first")
    func listenerPlan() throws {
        let text = """
            . example.org {
                bind 192.0.2.9 2001:db8::9
                forward . 192.0.2.1
            }
            a.example.org {
                bind 192.0.2.9
                forward . 192.0.2.1
            }
            .:5353 {
                forward . 192.0.2.1
            }
            example.com:54 {
                bind 192.0.2.10
                forward . 192.0.2.1
            }
            """
        let configuration = try #require(check(text).configuration)
        let plan = ListenerPlan(configuration).listeners.map { listener in
            let routes = listener.routes.map { "\($0.zone)=\($0.block)" }
            return "\(listener.endpoint): \(routes.joined(separator: " "))"
        }
        #expect(
            plan == [
                "dns://192.0.2.9:53: a.example.org.=1 example.org.=0 .=0",
                "dns://[2001:db8::9]:53: example.org.=0 .=0",
                "dns://192.0.2.10:54: example.com.=3",
                "dns://:5353: .=2",
            ]
        )
    }

    @Test(
        "may forward to themselves only when the way ends somewhere else",
        arguments: [
            (". {\n forward . 127.0.0.1\n}", true),
            (". {\n forward . 127.0.0.53\n}", false),
            (".:5353 {\n forward . 127.0.0.1\n}", false),
            (". {\n bind 192.0.2.9\n forward . 192.0.2.9\n}", true),
            (". {\n bind 192.0.2.9\n forward . 192.0.2.8\n}", false),
            (". {\n bind 192.0.2.9\n forward . tls://192.0.2.9\n}", false),
            ("a {\n forward . 127.0.0.1\n}\n. {\n forward . 192.0.2.1\n}", true),
            ("a:54 {\n forward . 127.0.0.1\n}\n. {\n forward . 192.0.2.1\n}", false),
            (". {\n forward a 127.0.0.1\n forward . 192.0.2.1\n}\na {\n forward . 192.0.2.1\n}", false),
            ("b {\n bind 127.0.0.1\n forward . 192.0.2.1\n}\n. {\n forward b 127.0.0.1\n}", false),
        ]
    )
    func loops(_ text: String, _ isLoop: Bool) {
        #expect(
            check(text).diagnostics.contains { $0.message.contains("is our own listen address") } == isLoop
        )
    }

    // MARK: - Records

    @Test("have nothing of the environment recorded that nobody asked for")
    func recordedEnvironment() {
        let checked = check("{$ZONE} {\n log {$NOBODY}\n}", environment: ["ZONE": ".", "SECRET": "x"])
        #expect(checked.recorded.environment == ["ZONE": ".", "NOBODY": nil])
    }

    @Test("are read from files only once")
    func readOnce() {
        let text = ". {\n forward . r.conf\n}\na {\n forward . r.conf\n}"
        let checked = CorefileCheck.run(
            "Corefile",
            sources: .files(["Corefile": text, "r.conf": "nameserver 192.0.2.1"])
        )
        #expect(checked.configuration?.blocks.count == 2)
        #expect(checked.recorded.files.keys.sorted() == ["Corefile", "r.conf"])
    }

    @Test("come from records that no byte can be missing from or changed in to cause harm")
    func malformedRecords() throws {
        let live = CorefileCheck.run("everything.corefile", sources: FixtureTests.valid.sources)
        var record = live.recorded
        record.files["dir"] = .failure(.isDirectory)
        record.files["secret"] = .failure(.unreadable("Permission denied"))
        record.interfaces["eth9"] = .some(nil)
        let bytes = record.serialized
        #expect(RecordedSources(serialized: bytes) == record)
        for count in 0..<bytes.count { #expect(RecordedSources(serialized: bytes[..<count]) == nil) }
        #expect(RecordedSources(serialized: bytes + [0]) == nil)
        // Any other byte gives nil or another record, and never a trap.
        for index in bytes.indices {
            for change: UInt8 in [0x01, 0x80] {
                var changed = bytes
                changed[index] ^= change
                #expect(RecordedSources(serialized: changed) != record)
            }
        }
        #expect(RecordedSources(serialized: []) == nil)
        #expect(RecordedSources(serialized: Array("NLD1".utf8) + [0xff, 0xff, 0xff, 0xff]) == nil)
    }

    @Test("that cannot be read say so")
    func unreadable() {
        let missing = CorefileCheck.run("dir/Corefile", sources: .files([:]))
        #expect(missing.report == "dir/Corefile:1:1: error: no such file\n")
        #expect(missing.configuration == nil)
        let denied = Sources { (_) throws(SourceError) in throw .unreadable("Permission denied") }
        #expect(
            CorefileCheck.run("Corefile", sources: denied).report
                == "Corefile:1:1: error: cannot be read: Permission denied\n"
        )
    }

    @Test("of random text give findings, never a trap")
    func noise() {
        let words = [
            "{", "}", "\n", "import", "(s)", "s", ".", ":53", "\"", "#", "{$A}", "{%", "cache", "forward",
            "success",
            "192.0.2.1", "/etc", "*", "\\", "10.0.0.0/9", "\u{0}", "é", "tls://", "log", "bind", "1h", "-1",
            ",",
        ]
        var state: UInt64 = 1
        for _ in 0..<1000 {
            var text = ""
            for _ in 0..<40 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += words[Int(state >> 33) % words.count] + (state >> 32 & 1 == 0 ? " " : "")
            }
            let checked = check(text)
            #expect((checked.configuration == nil) == checked.diagnostics.contains { $0.severity == .error })
        }
    }
}
