"""Metrics and health, as Prometheus and the kubelet read them."""

import subprocess

import pytest

from testbed import Agent, Bed, eventually
from testbed.addresses import V4
from testbed.client import rcode

SERVER = f"dns://{V4.local}:53"


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


def series(agent: Agent, port: int) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    """All series of a port, without their numbers."""
    return {(name, frozenset(labels.items())) for name, labels, _ in agent.metrics(port).samples}


def test_both_ports_show_the_same(asked: Agent) -> None:
    """node-cache has one registry for both."""
    assert series(asked, 9353) == series(asked, 9253)
    one, other = asked.metrics(9253), asked.metrics(9353)
    for name in ("coredns_dns_requests_total", "coredns_cache_hits_total", "nodelocal_worker_up"):
        assert one.value(name) == other.value(name) > 0


def test_a_scraper_that_takes_gzip_gets_it(bed: Bed, asked: Agent) -> None:
    for port in (9253, 9353):
        url = f"http://{V4.local}:{port}/metrics"
        plain = bed.node.run("curl", "-sS", "-i", url)
        assert "Content-Encoding" not in plain.split("\n\n")[0]
        head, text = bed.node.run("curl", "-sS", "-i", "--compressed", url).split("\n\n", 1)
        assert "Content-Encoding: gzip" in head
        assert {line.split("{")[0].split(" ")[0] for line in text.splitlines()} == {
            line.split("{")[0].split(" ")[0] for line in plain.split("\n\n", 1)[1].splitlines()
        }
