import Telemetry
import Testing

@Suite struct MetricCatalogueTests {
    @Test(arguments: MetricFamily.allCases)
    func eachFamilyFollowsThePrometheusRules(family: MetricFamily) {
        let known = MetricCatalogue[family]
        #expect(
            ["coredns", "process", "promhttp", "nodelocal"].contains(family.rawValue.prefix { $0 != "_" })
        )
        #expect(family.rawValue.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "_" })
        #expect(known.labels == known.labels.sorted())
        #expect(Set(known.labels).count == known.labels.count)
        #expect(!known.labels.contains("le"))
        #expect(known.help.hasSuffix("."))
        #expect(known.initialSeries.allSatisfy { $0.count == known.labels.count })
        switch known.kind {
        case .counter: #expect(family.rawValue.hasSuffix("_total"))
        case .gauge: #expect(!family.rawValue.hasSuffix("_total"))
        case .histogram: #expect(["_seconds", "_bytes"].contains { family.rawValue.hasSuffix($0) })
        }
    }

    /// The names, types and labels of CoreDNS 1.13 that dashboards and alerts read.
    @Test(arguments: [
        ("coredns_cache_entries", "gauge", "server,type,view,zones"),
        ("coredns_cache_requests_total", "counter", "server,view,zones"),
        ("coredns_cache_hits_total", "counter", "server,type,view,zones"),
        ("coredns_cache_misses_total", "counter", "server,view,zones"),
        ("coredns_cache_evictions_total", "counter", "server,type,view,zones"),
        ("coredns_dns_requests_total", "counter", "family,proto,server,type,view,zone"),
        ("coredns_dns_do_requests_total", "counter", "server,view,zone"),
        ("coredns_dns_request_duration_seconds", "histogram", "server,view,zone"),
        ("coredns_dns_request_size_bytes", "histogram", "proto,server,view,zone"),
        ("coredns_dns_response_size_bytes", "histogram", "proto,server,view,zone"),
        ("coredns_dns_responses_total", "counter", "plugin,rcode,server,view,zone"),
        ("coredns_forward_requests_total", "counter", "to"),
        ("coredns_forward_responses_total", "counter", "rcode,to"),
        ("coredns_proxy_request_duration_seconds", "histogram", "proxy_name,rcode,to"),
        ("coredns_proxy_conn_cache_hits_total", "counter", "proto,proxy_name,to"),
        ("coredns_plugin_enabled", "gauge", "name,server,view,zone"),
        ("coredns_build_info", "gauge", "goversion,revision,version"),
        ("coredns_nodecache_setup_errors_total", "counter", "errortype"),
        ("coredns_reload_version_info", "gauge", "hash,value"),
        ("coredns_panics_total", "counter", ""),
    ])
    func dashboardsFindWhatTheyRead(name: String, type: String, labels: String) throws {
        let known = MetricCatalogue[try #require(MetricFamily(rawValue: name))]
        #expect(known.kind.name == type)
        #expect(known.labels.joined(separator: ",") == labels)
    }

    @Test func theManualHasOneLinePerFamily() {
        let lines = MetricCatalogue.markdown.split(separator: "\n")
        #expect(lines.count == MetricFamily.allCases.count + 2)
        #expect(
            lines.contains(
                "| `coredns_cache_misses_total` | counter | server, view, zones | Look-ups that found nothing. |"
            )
        )
        #expect(lines.allSatisfy { $0.filter { $0 == "|" }.count == 5 })
    }
}
