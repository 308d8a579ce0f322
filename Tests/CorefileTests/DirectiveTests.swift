// What each directive's words become. Wrong words are in Fixtures/corefiles/invalid.

import Addresses
import Corefile
import DNSWire
import Testing

@Suite("Directives")
struct DirectiveTests {
    private static func name(_ text: String) throws -> DomainName { try #require(DomainName(text)) }
    private static func endpoint(_ text: String) throws -> Endpoint { try #require(Endpoint(text)) }

    // MARK: - cache

    @Test("cache without arguments has CoreDNS' defaults")
    func cacheDefaults() throws {
        let cache = try #require(block("cache")?.cache)
        #expect(cache == CacheConfiguration(zones: [.root]))
        #expect(cache.success == CacheConfiguration.Store(capacity: 10_000, maximumTTL: 3600, minimumTTL: 5))
        #expect(cache.denial == CacheConfiguration.Store(capacity: 10_000, maximumTTL: 1800, minimumTTL: 5))
        #expect(cache.serverFailureDuration == .seconds(5))
        #expect(cache.prefetch == nil && cache.serveStale == nil && !cache.keepsTTL)
    }

    @Test("cache takes a TTL for both stores; its block wins")
    func cacheTTL() throws {
        let cache = try #require(block("cache 30 {\n success 9984 60\n}")?.cache)
        #expect(cache.success == CacheConfiguration.Store(capacity: 9984, maximumTTL: 60, minimumTTL: 5))
        #expect(cache.denial == CacheConfiguration.Store(capacity: 10_000, maximumTTL: 30, minimumTTL: 5))
    }

    @Test("cache takes zones, the first word only when it is no number")
    func cacheZones() throws {
        #expect(
            block("cache example.org 10.0.0.0/8")?.cache?.zones.map(\.description) == [
                "example.org.", "10.in-addr.arpa.",
            ]
        )
        #expect(block("cache 30 example.org")?.cache?.zones.map(\.description) == ["example.org."])
    }

    @Test(
        "cache rounds its capacity as CoreDNS does",
        arguments: [(9984, 9984), (10_000, 9984), (5000, 4864), (1000, 1024), (0, 1024), (-5, 1024)]
    )
    func cacheCapacity(_ written: Int, _ effective: Int) {
        #expect(block("cache {\n success \(written)\n}")?.cache?.success.effectiveCapacity == effective)
    }

    @Test("cache has its other properties")
    func cacheProperties() throws {
        let cache = try #require(
            block(
                """
                cache {
                    prefetch 10
                    serve_stale
                    servfail 0
                    disable success example.org
                    disable denial
                    disable success example.com
                    keepttl
                }
                """
            )?.cache
        )
        #expect(
            cache.prefetch == CacheConfiguration.Prefetch(amount: 10, duration: .minutes(1), percentage: 10)
        )
        #expect(cache.serveStale == CacheConfiguration.ServeStale(duration: .hours(1), mode: .immediate))
        #expect(cache.serverFailureDuration == .zero)
        #expect(cache.disabledForSuccess.map(\.description) == ["example.com."])
        #expect(cache.disabledForDenial == [.root])
        #expect(cache.keepsTTL)
    }

    @Test("cache turns prefetch and serve_stale off with zero")
    func cacheOff() throws {
        let cache = try #require(block("cache {\n prefetch 0\n serve_stale 0\n}")?.cache)
        #expect(cache.prefetch == nil && cache.serveStale == nil)
    }

    // MARK: - forward

    @Test("forward without properties has CoreDNS' defaults")
    func forwardDefaults() throws {
        let forward = try #require(block("forward . 192.0.2.1")?.forwards.first)
        #expect(forward.targets == [.plain(try Self.endpoint("192.0.2.1:53"))])
        #expect(forward.transport == .asClient)
        #expect(forward.policy == .random)
        #expect(forward.expire == .seconds(10))
        #expect(forward.maxFails == 2)
        #expect(forward.maxConcurrent == 0 && forward.maxConnectAttempts == 0)
        #expect(forward.healthCheck.interval == .milliseconds(500))
        #expect(forward.healthCheck.recursionDesired && forward.healthCheck.domain == .root)
    }

    @Test(
        "forward takes targets in many forms",
        arguments: [
            ("192.0.2.1", .plain(Endpoint(IPAddress(v4: 0xc000_0201), port: 53))),
            ("192.0.2.1:5353", .plain(Endpoint(IPAddress(v4: 0xc000_0201), port: 5353))),
            ("dns://192.0.2.1:54", .plain(Endpoint(IPAddress(v4: 0xc000_0201), port: 54))),
            ("2001:db8::1", .plain(Endpoint(IPAddress(v6High: 0x2001_0db8_0000_0000, low: 1), port: 53))),
            (
                "[2001:db8::1]:54",
                .plain(Endpoint(IPAddress(v6High: 0x2001_0db8_0000_0000, low: 1), port: 54))
            ),
            ("fe80::1%eth0", .plain(Endpoint(IPAddress(v6High: 0xfe80_0000_0000_0000, low: 1), port: 53))),
            ("tls://192.0.2.1", .tls(Endpoint(IPAddress(v4: 0xc000_0201), port: 853), serverName: nil)),
            (
                "tls://192.0.2.1%dns.example.org:8853",
                .tls(Endpoint(IPAddress(v4: 0xc000_0201), port: 8853), serverName: "dns.example.org")
            ),
            ("__PILLAR__CLUSTER__DNS__", .unresolvedClusterDNS),
            ("dns://__PILLAR__CLUSTER__DNS__:53", .unresolvedClusterDNS),
        ] as [(String, ForwardConfiguration.Target)]
    )
    func forwardTargets(_ text: String, _ target: ForwardConfiguration.Target) {
        #expect(ForwardConfiguration.target(text) == target)
        #expect(block("forward . \(text)")?.forwards.first?.targets == [target])
    }

    @Test("forward takes the servers of a file and remembers the file")
    func forwardFile() throws {
        let file =
            "; comment\nnameserver 192.0.2.1\n nameserver\t2001:db8::1%eth0 trailing\noptions ndots:5\n"
        let sources = Sources.files(["Corefile": ". {\n forward . 192.0.2.9 r.conf\n}", "r.conf": file])
        let check = CorefileCheck.run("Corefile", sources: sources)
        let forward = try #require(check.configuration?.blocks[0].forwards.first)
        #expect(
            forward.targets == [
                .plain(try Self.endpoint("192.0.2.9:53")), .plain(try Self.endpoint("192.0.2.1:53")),
                .plain(try Self.endpoint("[2001:db8::1]:53")),
            ]
        )
        #expect(forward.resolverFiles == ["r.conf"])
        #expect(check.recorded.files["r.conf"] == .text(file))
    }

    @Test("forward has its other properties")
    func forwardProperties() throws {
        let forward = try #require(FixtureTests.everything?.blocks.first?.forwards.first)
        #expect(forward.from == (try Self.name("example.org")))
        #expect(
            forward.except.map(\.description) == ["a.example.org.", "10.in-addr.arpa.", "b.example.org."]
        )
        #expect(forward.transport == .tcp)
        #expect(forward.maxIdleConnections == 100)
        #expect(
            forward.tls
                == ForwardConfiguration.TLS(certificate: "cert.pem", key: "key.pem", authority: "ca.pem")
        )
        #expect(forward.healthCheck.interval == .milliseconds(500))
        #expect(!forward.healthCheck.recursionDesired)
        #expect(forward.next == [.nameError, .refused])
        #expect(forward.failover == [.serverFailure])
        #expect(forward.failsFastWhenAllUnhealthy)
    }

    @Test("forward prefers force_tcp to prefer_udp in any order", arguments: [true, false])
    func forwardTransport(_ isFirst: Bool) {
        let words = isFirst ? "force_tcp\nprefer_udp" : "prefer_udp\nforce_tcp"
        #expect(block("forward . 192.0.2.1 {\n\(words)\n}")?.forwards.first?.transport == .tcp)
    }

    @Test("forward warns when the cluster DNS address is not known")
    func forwardUnresolved() {
        #expect(
            findings(". {\n forward . __PILLAR__CLUSTER__DNS__\n}") == [
                "Corefile:2:12: warning: plugin/forward: the cluster DNS address is not known yet "
                    + "(these names get SERVFAIL until the upstream Service is found)"
            ]
        )
    }

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
        #expect(errors.consolidations.map(\.pattern) == [#".* i/o timeout$"#, #"^(Failed|[^]a-z]+) \(.*"#])
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
        let all = DirectiveSettings.all
        #expect(
            all.map(\.directive) == [
                "reload", "bind", "health", "prometheus", "errors", "log", "cache", "loop", "forward",
            ]
        )
        let names = all.flatMap { $0.settings.map(\.name) }
        #expect(Set(names).count == names.count)
        #expect(
            all.first { $0.directive == "cache" }?.settings.contains {
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
