import Addresses
import AnswerCache
import DNSWire
import Telemetry
import Testing

@testable import Resolution

/// Counters and how a scrape shows them.
@Suite struct ZoneCountersTests {
    private func record(
        _ type: RecordType = .a,
        _ code: ResponseCode = .noError,
        _ author: ReplyAuthor = .cache,
        family: IPAddress.Family = .v4,
        transport: Transport = .udp
    ) -> QueryRecord {
        QueryRecord(
            family: family,
            transport: transport,
            type: type,
            dnssecOK: type == .dnskey,
            author: author,
            code: code,
            requestSize: 40,
            responseSize: 120,
            nanoseconds: 300_000
        )
    }

    /// The samples whose names begin with `prefix`, without buckets.
    private func samples(_ counters: ZoneCounters, _ prefix: String) -> [String] {
        var snapshot = MetricSnapshot()
        counters.collectQueries(into: &snapshot)
        counters.collectCache(into: &snapshot)
        return String(decoding: snapshot.render(), as: UTF8.self)
            .split(separator: "\n")
            .filter { $0.hasPrefix(prefix) && !$0.contains("_bucket") }
            .map(String.init)
    }

    @Test func nothingIsShownBeforeTheFirstEvent() {
        #expect(samples(counters(), "coredns").isEmpty)
    }

    @Test func requestsByFamilyTransportAndType() {
        let counters = counters()
        for thread in 0..<2 { counters.count(record(), thread: thread) }
        counters.count(record(.https, family: .v6, transport: .tcp), thread: 0)
        counters.count(record(RecordType(rawValue: 65_280)), thread: 1)
        let labels = #"server="dns://192.0.2.53:53""#
        #expect(
            samples(counters, "coredns_dns_requests_total") == [
                #"coredns_dns_requests_total{family="1",proto="udp",\#(labels),type="A",view="",zone="example.org."} 2"#,
                #"coredns_dns_requests_total{family="1",proto="udp",\#(labels),type="other",view="",zone="example.org."} 1"#,
                #"coredns_dns_requests_total{family="2",proto="tcp",\#(labels),type="HTTPS",view="",zone="example.org."} 1"#,
            ]
        )
    }

    @Test func responsesByAuthorAndCode() {
        let counters = counters()
        counters.count(record(), thread: 0)
        counters.count(record(.a, .refused, .server), thread: 0)
        counters.count(record(.a, .nameError, .forward), thread: 0)
        let labels = #"server="dns://192.0.2.53:53",view="",zone="example.org.""#
        #expect(
            samples(counters, "coredns_dns_responses_total") == [
                #"coredns_dns_responses_total{plugin="",rcode="REFUSED",\#(labels)} 1"#,
                #"coredns_dns_responses_total{plugin="cache",rcode="NOERROR",\#(labels)} 1"#,
                #"coredns_dns_responses_total{plugin="forward",rcode="NXDOMAIN",\#(labels)} 1"#,
            ]
        )
    }

    @Test func sizesAndTimesAreSummed() {
        let counters = counters()
        counters.count(record(), thread: 0)
        counters.count(record(), thread: 1)
        let labels = #"server="dns://192.0.2.53:53",view="",zone="example.org.""#
        #expect(
            samples(counters, "coredns_dns_request_size_bytes").contains(
                #"coredns_dns_request_size_bytes_sum{proto="udp",\#(labels)} 80"#
            )
        )
        #expect(
            samples(counters, "coredns_dns_response_size_bytes").contains(
                #"coredns_dns_response_size_bytes_sum{proto="udp",\#(labels)} 240"#
            )
        )
        #expect(
            samples(counters, "coredns_dns_request_duration_seconds").contains(
                #"coredns_dns_request_duration_seconds_count{\#(labels)} 2"#
            )
        )
    }

    @Test func queriesWithDO() {
        let counters = counters()
        counters.count(record(.dnskey), thread: 0)
        #expect(samples(counters, "coredns_dns_do_requests_total").first?.hasSuffix(" 1") == true)
    }

    @Test func hitsThatLeaveTogetherAreObservedTogether() {
        let counters = counters()
        counters.observeHits(3, nanoseconds: 20_000, thread: 0)
        counters.observeHits(1, nanoseconds: 50_000, thread: 1)
        let labels = #"server="dns://192.0.2.53:53",view="",zone="example.org.""#
        #expect(
            samples(counters, "nodelocal_hit_duration_seconds") == [
                "nodelocal_hit_duration_seconds_sum 0.00011", "nodelocal_hit_duration_seconds_count 4",
            ]
        )
        #expect(
            samples(counters, "coredns_dns_request_duration_seconds").contains(
                #"coredns_dns_request_duration_seconds_count{\#(labels)} 4"#
            )
        )
        #expect(samples(counters, "nodelocal_miss_duration_seconds").isEmpty)
    }

    @Test func theCachesNumbers() {
        let counters = counters()
        counters.countHit(.success, isStale: false, thread: 0)
        counters.countHit(.denial, isStale: true, thread: 1)
        counters.countHit(.serverError, isStale: false, thread: 1)
        counters.countMiss(thread: 0)
        counters.countPrefetch(thread: 1)
        counters.countDrop(thread: 1)
        let labels = #"server="dns://192.0.2.53:53""#
        let rest = #"view="",zones="example.org.""#
        #expect(
            samples(counters, "coredns_cache") == [
                #"coredns_cache_drops_total{\#(labels),\#(rest)} 1"#,
                #"coredns_cache_hits_total{\#(labels),type="denial",\#(rest)} 2"#,
                #"coredns_cache_hits_total{\#(labels),type="success",\#(rest)} 1"#,
                #"coredns_cache_misses_total{\#(labels),\#(rest)} 1"#,
                #"coredns_cache_prefetch_total{\#(labels),\#(rest)} 1"#,
                #"coredns_cache_requests_total{\#(labels),\#(rest)} 4"#,
                #"coredns_cache_served_stale_total{\#(labels),\#(rest)} 1"#,
            ]
        )
    }
}
