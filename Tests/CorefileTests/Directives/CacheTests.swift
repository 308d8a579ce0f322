// What the words of a `cache` line become. Wrong ones are in Fixtures/corefiles/invalid.

import Corefile
import DNSWire
import Testing

@Suite("The cache directive")
struct CacheTests {
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

    @Test(
        "cache reads how long verify waits",
        arguments: [
            ("serve_stale 1h verify", .milliseconds(400)),
            ("serve_stale 1h verify 250ms", .milliseconds(250)),
            ("serve_stale 1h VERIFY 0", .zero),
        ] as [(String, GoDuration)]
    )
    func verifyTimeout(_ line: String, _ timeout: GoDuration) throws {
        let stale = try #require(block("cache {\n \(line)\n}")?.cache?.serveStale)
        #expect(stale.mode == .verify && stale.verifyTimeout == timeout)
    }

    @Test("cache looks ahead along search lists when told to")
    func searchAhead() throws {
        #expect(try #require(block("cache")?.cache).searchAhead == nil)
        #expect(try #require(block("cache {\n search_ahead\n}")?.cache).searchAhead == 200)
        #expect(try #require(block("cache {\n search_ahead 20\n}")?.cache).searchAhead == 20)
    }

    @Test("cache turns prefetch and serve_stale off with zero")
    func cacheOff() throws {
        let cache = try #require(block("cache {\n prefetch 0\n serve_stale 0\n}")?.cache)
        #expect(cache.prefetch == nil && cache.serveStale == nil)
    }
}
