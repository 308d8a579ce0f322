// The name of every metric family we show. What each one means, its type and its labels stand next door in
// `MetricCatalogue.swift`; a family that is not listed here cannot be exported.

/// A metric family; the raw value is its name in the exposition.
package enum MetricFamily: String, CaseIterable, Sendable {
    // CoreDNS' cache.
    case cacheEntries = "coredns_cache_entries"
    case cacheRequests = "coredns_cache_requests_total"
    case cacheHits = "coredns_cache_hits_total"
    case cacheMisses = "coredns_cache_misses_total"
    case cachePrefetches = "coredns_cache_prefetch_total"
    case cacheDrops = "coredns_cache_drops_total"
    case cacheServedStale = "coredns_cache_served_stale_total"
    case cacheEvictions = "coredns_cache_evictions_total"

    // CoreDNS' server.
    case requests = "coredns_dns_requests_total"
    case requestsWithDO = "coredns_dns_do_requests_total"
    case requestDuration = "coredns_dns_request_duration_seconds"
    case requestSize = "coredns_dns_request_size_bytes"
    case responseSize = "coredns_dns_response_size_bytes"
    case responses = "coredns_dns_responses_total"
    case panics = "coredns_panics_total"
    case pluginEnabled = "coredns_plugin_enabled"
    case buildInfo = "coredns_build_info"
    case reloadFailures = "coredns_reload_failed_total"
    case reloadVersion = "coredns_reload_version_info"
    case hostsEntries = "coredns_hosts_entries"
    case dns64Translated = "coredns_dns64_requests_translated_total"
    case templateMatches = "coredns_template_matches_total"
    case templateFailures = "coredns_template_template_failures_total"
    case templateRecordFailures = "coredns_template_rr_failures_total"
    case hostsReloadTime = "coredns_hosts_reload_timestamp_seconds"

    // CoreDNS' forward, and names it gave up that dashboards still draw.
    case forwardHealthcheckBroken = "coredns_forward_healthcheck_broken_total"
    case forwardConcurrencyRejects = "coredns_forward_max_concurrent_rejects_total"
    case forwardRequests = "coredns_forward_requests_total"
    case forwardResponses = "coredns_forward_responses_total"
    case forwardDuration = "coredns_forward_request_duration_seconds"
    case forwardHealthcheckFailures = "coredns_forward_healthcheck_failures_total"
    case proxyConnectionHits = "coredns_proxy_conn_cache_hits_total"
    case proxyConnectionMisses = "coredns_proxy_conn_cache_misses_total"
    case proxyHealthcheckFailures = "coredns_proxy_healthcheck_failures_total"
    case proxyDuration = "coredns_proxy_request_duration_seconds"

    // CoreDNS' health, and node-cache itself.
    case healthDuration = "coredns_health_request_duration_seconds"
    case healthFailures = "coredns_health_request_failures_total"
    case setupErrors = "coredns_nodecache_setup_errors_total"

    // Observers.
    case dnstapMessages = "nodelocal_dnstap_messages_total"
    case dnstapConnected = "nodelocal_dnstap_connected"

    // The process, as every Prometheus client names it.
    case processCPU = "process_cpu_seconds_total"
    case processResidentMemory = "process_resident_memory_bytes"
    case processVirtualMemory = "process_virtual_memory_bytes"
    case processVirtualMemoryLimit = "process_virtual_memory_max_bytes"
    case processOpenDescriptors = "process_open_fds"
    case processDescriptorLimit = "process_max_fds"
    case processStartTime = "process_start_time_seconds"
    case processNetworkReceived = "process_network_receive_bytes_total"
    case processNetworkSent = "process_network_transmit_bytes_total"
    case scrapes = "promhttp_metric_handler_requests_total"
    case scrapesInFlight = "promhttp_metric_handler_requests_in_flight"

    // Ours: what CoreDNS cannot show.
    case packetsRejected = "nodelocal_packets_rejected_total"
    case hitDuration = "nodelocal_hit_duration_seconds"
    case missDuration = "nodelocal_miss_duration_seconds"
    case upstreamTimeouts = "nodelocal_upstream_timeouts_total"
    case upstreamServers = "nodelocal_upstream_servers"
    case upstreamDiscoveryFailures = "nodelocal_upstream_discovery_failures_total"
    case upstreamLoops = "nodelocal_upstream_loops_total"
    case upstreamLooping = "nodelocal_upstream_looping"
    case upstreamRetries = "nodelocal_upstream_retries_total"
    case upstreamUnwantedReplies = "nodelocal_upstream_unwanted_replies_total"
    case upstreamQueued = "nodelocal_upstream_queued_total"
    case upstreamConnectionFailures = "nodelocal_upstream_connection_failures_total"
    case upstreamHandshakeFailures = "nodelocal_upstream_tls_failures_total"
    case coalesced = "nodelocal_coalesced_total"
    case shed = "nodelocal_shed_total"
    case takenOver = "nodelocal_questions_taken_over_total"
    case searchAhead = "nodelocal_search_ahead_total"
    case cacheBytes = "nodelocal_cache_bytes"
    case cacheBudget = "nodelocal_cache_budget_bytes"
    case memoryLimit = "nodelocal_memory_limit_bytes"
    case interceptionActive = "nodelocal_interception_active"
    case fallbackInstalled = "nodelocal_fallback_installed"
    case serviceProxy = "nodelocal_service_proxy"
    case workerRestarts = "nodelocal_worker_restarts_total"
    case workerUp = "nodelocal_worker_up"
    case nodeNetworkRepairs = "nodelocal_node_network_repairs_total"
    case upstreamServiceMoves = "nodelocal_upstream_service_changes_total"
    case configurationReloads = "nodelocal_configuration_reloads_total"
    case configurationCurrent = "nodelocal_configuration_current"
    case probeBindFailures = "nodelocal_probe_bind_failures_total"
}

extension MetricFamily {
    /// Whether another process' number is about that process only, so that adding both would be nonsense.
    package var describesOneProcess: Bool {
        rawValue.hasPrefix("process_") || self == .buildInfo
    }
}
