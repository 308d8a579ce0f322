"""Metrics and health, as Prometheus and the kubelet read them."""

import re
import subprocess

import pytest

from testbed import Agent, Bed, eventually
from testbed.addresses import V4
from testbed.client import rcode

SERVER = f"dns://{V4.local}:53"

# node-cache.md 4.2: the families that are there from the start, and those that questions bring.
FAMILIES = {
    "coredns_build_info": "gauge",
    "coredns_cache_entries": "gauge",
    "coredns_cache_requests_total": "counter",
    "coredns_cache_hits_total": "counter",
    "coredns_cache_misses_total": "counter",
    "coredns_dns_requests_total": "counter",
    "coredns_dns_do_requests_total": "counter",
    "coredns_dns_request_duration_seconds": "histogram",
    "coredns_dns_request_size_bytes": "histogram",
    "coredns_dns_response_size_bytes": "histogram",
    "coredns_dns_responses_total": "counter",
    "coredns_forward_healthcheck_broken_total": "counter",
    "coredns_forward_max_concurrent_rejects_total": "counter",
    "coredns_health_request_duration_seconds": "histogram",
    "coredns_health_request_failures_total": "counter",
    "coredns_panics_total": "counter",
    "coredns_plugin_enabled": "gauge",
    "coredns_proxy_conn_cache_hits_total": "counter",
    "coredns_proxy_conn_cache_misses_total": "counter",
    "coredns_proxy_request_duration_seconds": "histogram",
    "coredns_reload_failed_total": "counter",
    "coredns_reload_version_info": "gauge",
    "process_cpu_seconds_total": "counter",
    "process_resident_memory_bytes": "gauge",
    "process_virtual_memory_bytes": "gauge",
    "process_open_fds": "gauge",
    "process_max_fds": "gauge",
    "process_start_time_seconds": "gauge",
}

SECONDS = (
    "0.00025 0.0005 0.001 0.002 0.004 0.008 0.016 0.032 0.064 0.128 0.256 0.512 1.024 2.048 4.096 8.192 +Inf"
)
BYTES = "0 100 200 300 400 511 1023 2047 4095 8291 16000 32000 48000 64000 +Inf"  # 8291 as CoreDNS has it

BUCKETS = {
    "coredns_dns_request_duration_seconds": SECONDS,
    "coredns_dns_request_size_bytes": BYTES,
    "coredns_dns_response_size_bytes": BYTES,
    "coredns_health_request_duration_seconds": "0.00025 0.0025 0.025 0.25 2.5 +Inf",
    "coredns_proxy_request_duration_seconds": SECONDS,
}


@pytest.fixture(scope="module")
def asked(bed: Bed, agent: Agent) -> Agent:
    """The agent after a few questions of every sort."""
    for tcp in (False, True):
        for server in agent.addresses:
            for name in (
                "kubernetes.default.svc.cluster.local",
                "nobody.svc.cluster.local",
                "www.example.org",
            ):
                for _ in ("miss", "hit"):
                    bed.pod1.ask(name, server=server, tcp=tcp, use_edns=0, want_dnssec=True)
    return agent


@pytest.mark.parametrize(("family", "kind"), FAMILIES.items(), ids=list(FAMILIES))
def test_the_worker_exports(asked: Agent, family: str, kind: str) -> None:
    text = asked.metrics(9253).text
    assert f"# TYPE {family} {kind}\n" in text
    assert re.search(rf"^# HELP {family} \S", text, re.MULTILINE)
    assert re.search(rf"^{family}(_bucket)?[{{ ]", text, re.MULTILINE)


@pytest.mark.parametrize(("family", "expected"), BUCKETS.items(), ids=list(BUCKETS))
def test_the_buckets_of(asked: Agent, family: str, expected: str) -> None:
    samples = asked.metrics(9253).samples
    bounds = {labels["le"] for name, labels, _ in samples if name == f"{family}_bucket"}
    assert sorted(bounds, key=float) == sorted(expected.split(), key=float)


@pytest.mark.parametrize(
    "error", ["iptables", "iptables_lock", "interface_add", "interface_check", "configmap"]
)
def test_the_supervisor_exports_setup_errors(asked: Agent, error: str) -> None:
    line = f'coredns_nodecache_setup_errors_total{{errortype="{error}"}} 0\n'
    assert line in asked.metrics(9353).text


@pytest.mark.parametrize("port", [9253, 9353])
def test_promtool_finds_nothing_to_complain_about(asked: Agent, port: int) -> None:
    text = asked.metrics(port).text
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30
    )
    # Names that dashboards have read for years keep theirs, whatever the linter thinks of them.
    complaints = [line for line in done.stderr.splitlines() if not line.startswith(KNOWN_TO_PROMTOOL)]
    assert complaints == []


KNOWN_TO_PROMTOOL = ()


def test_hits_and_misses_are_counted(bed: Bed, agent: Agent) -> None:
    asked, zone = "load-700.shop.svc.cluster.local", "cluster.local."
    before = agent.metrics()
    for _ in range(3):
        bed.pod1.ask(asked)
    after = agent.metrics()

    def grown(name: str, /, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    assert grown("coredns_cache_misses_total", server=SERVER, zones=zone) == 1
    assert grown("coredns_cache_hits_total", server=SERVER, zones=zone, type="success") == 2
    assert grown("coredns_cache_requests_total", server=SERVER, zones=zone) == 3
    assert (
        grown("coredns_dns_requests_total", server=SERVER, zone=zone, proto="udp", family="1", type="A") == 3
    )
    assert (
        grown("coredns_dns_responses_total", server=SERVER, zone=zone, rcode="NOERROR", plugin="cache") == 3
    )
    assert grown("coredns_dns_request_duration_seconds_count", server=SERVER, zone=zone) == 3


def test_denials_are_counted_apart(bed: Bed, agent: Agent) -> None:
    before = agent.metrics()
    for _ in range(2):
        assert rcode(bed.pod1.ask("no-700.shop.svc.cluster.local")) == "NXDOMAIN"
    after = agent.metrics()
    labels = {"server": SERVER, "zones": "cluster.local.", "type": "denial"}
    assert (
        after.value("coredns_cache_hits_total", **labels)
        == before.value("coredns_cache_hits_total", **labels) + 1
    )
    assert after.value("coredns_cache_entries", **labels) >= 1


def test_upstream_exchanges_are_counted(bed: Bed, agent: Agent) -> None:
    labels = {"proxy_name": "forward", "to": f"{V4.upstream}:53", "rcode": "NOERROR"}
    family = "coredns_proxy_request_duration_seconds_count"
    before = agent.metrics().value(family, **labels)
    bed.pod1.ask("load-701.shop.svc.cluster.local")
    assert agent.metrics().value(family, **labels) == before + 1


def test_health(agent: Agent) -> None:
    assert agent.get("/health", 8080) == (200, "OK")
    assert agent.get("/other", 8080)[0] == 404


@pytest.mark.parametrize("port", [9253, 9353])
def test_other_paths_are_not_found(agent: Agent, port: int) -> None:
    assert agent.get("/", port)[0] == 404


def test_health_checks_itself(agent: Agent) -> None:
    family = "coredns_health_request_duration_seconds_count"
    eventually(lambda: agent.metrics().value(family) >= 1, what="the self-check, once a second")
    assert agent.metrics().value("coredns_health_request_failures_total") == 0
