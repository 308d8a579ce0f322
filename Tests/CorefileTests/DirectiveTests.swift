// What the words of the smaller directives become. Wrong ones are in Fixtures/corefiles/invalid.

import Addresses
import Corefile
import DNSWire
import Plugins
import RegularExpression
import Testing

@Suite("Directives")
struct DirectiveTests {
    // MARK: - The others

    @Test("bind adds its lines up, resolves interfaces, leaves out exceptions and repetitions")
    func bind() throws {
        let listen = try #require(FixtureTests.everything?.blocks.first?.listen)
        #expect(listen == .addresses([IPAddress(v4: 0x7f00_0001), IPAddress(v4: 0x7f00_0002)]))
        #expect(
            block("bind 192.0.2.1 192.0.2.2\nbind 192.0.2.1")?.listen
                == .addresses([
                    IPAddress(v4: 0xc000_0201), IPAddress(v4: 0xc000_0202),
                ])
        )
        #expect(block("cache")?.listen == .everywhere)
    }

    @Test("bind without anything left is an error")
    func bindNothing() {
        #expect(
            findings(". {\n bind 192.0.2.1 {\n except 192.0.2.1\n }\n}") == [
                "Corefile:2:2: error: plugin/bind: no address is left to listen on (see 'except')"
            ]
        )
    }

    @Test("errors has rules in order")
    func errors() throws {
        let errors = try #require(FixtureTests.everything?.blocks.first?.errors)
        #expect(errors.stacktrace)
        #expect(
            errors.consolidations.map(\.pattern.pattern) == [
                #".* i/o timeout$"#, #"^(Failed|[^\]a-z]+) \(.*"#,
            ]
        )
        #expect(errors.consolidations.map(\.level) == [.warning, .error])
        #expect(errors.consolidations.map(\.duration) == [.minutes(5), .seconds(30)])
    }

    @Test("log makes a rule of each name; a format is the last of several words")
    func log() throws {
        let rules = try #require(FixtureTests.everything?.blocks.first?.log?.rules)
        #expect(rules.map(\.name.description) == [".", "example.org.", ".", "example.com."])
        #expect(
            rules.map(\.format) == [
                LogConfiguration.commonFormat, LogConfiguration.commonFormat, "{remote} {name}",
                LogConfiguration.combinedFormat,
            ]
        )
        #expect(rules.map(\.classes) == [[.all], [.all], [.denial, .error], [.all]])
    }

    @Test(
        "health and prometheus take an address in Go's form",
        arguments: [
            ("", nil, 8080), (":80", nil, 80), ("192.0.2.1:80", "192.0.2.1", 80),
            ("[2001:db8::1]:80", "2001:db8::1", 80), ("localhost:80", "127.0.0.1", 80),
        ] as [(String, String?, UInt16)]
    )
    func health(_ text: String, _ address: String?, _ port: UInt16) throws {
        let health = try #require(block("health \(text)")?.health)
        #expect(health.address?.description == address && health.port == port)
        guard !text.isEmpty else { return }
        let prometheus = try #require(block("prometheus \(text)")?.prometheus)
        #expect(prometheus.address?.description == address && prometheus.port == port)
    }

    @Test("prometheus stays on the loopback without address")
    func prometheus() throws {
        let prometheus = try #require(block("prometheus")?.prometheus)
        #expect(prometheus.address?.description == "127.0.0.1" && prometheus.port == 9153)
    }

    @Test("health without lameduck stops at once, the last line wins")
    func lameduck() {
        #expect(block("health")?.health?.lameduck == .zero)
        #expect(block("health :1\nhealth :2 {\nlameduck 5s\n}")?.health?.lameduck == .seconds(5))
    }

    @Test(
        "reload caps the jitter at half the interval",
        arguments: [("", "30s", "15s"), ("10s", "10s", "5s"), ("10s 2s", "10s", "2s"), ("2s 1m", "2s", "1s")]
    )
    func reload(_ text: String, _ interval: String, _ jitter: String) throws {
        let reload = try #require(block("reload \(text)")?.reload)
        #expect(reload.interval == GoDuration(interval) && reload.jitter == GoDuration(jitter))
    }

    @Test("reload of the last block is the process'")
    func lastReload() {
        let text = "a {\n reload 10s\n}\nb {\n reload 20s\n}\nc {\n cache\n}"
        #expect(check(text).configuration?.reload?.interval == .seconds(20))
        #expect(check(". {\n cache\n}").configuration?.reload == nil)
    }

    @Test("loop is there or not")
    func loop() {
        #expect(block("loop")?.detectsLoops == true)
        #expect(block("cache")?.detectsLoops == false)
    }

    // MARK: - All

    @Test("stand in the order of execution, whatever the order of lines")
    func order() throws {
        let forward = try #require(
            block("forward . 192.0.2.1\nloop\ncache\nlog\nerrors\nbind 192.0.2.9\nreload")
        )
        let reversed = try #require(
            block("reload\nbind 192.0.2.9\nerrors\nlog\ncache\nloop\nforward . 192.0.2.1")
        )
        #expect(forward == reversed)
        #expect(forward.plugins.first is ReloadConfiguration)
        #expect(forward.plugins.last is ForwardConfiguration)
    }

    @Test("have limits that documents can print")
    func settings() {
        let all = DirectiveTable.node.directives
        let names = all.flatMap { $0.settings.map(\.name) }
        #expect(Set(names).count == names.count)
        #expect(
            all.first { $0.name == "cache" }?.settings.contains {
                $0.name == "cache servfail DURATION" && $0.defaultValue == "5s" && $0.maximum == "5m0s"
            } == true
        )
    }
}

extension FixtureTests {
    static var everything: AgentConfiguration? {
        CorefileCheck.run("everything.corefile", sources: valid.sources).configuration
    }
}
