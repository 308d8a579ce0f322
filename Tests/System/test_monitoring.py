"""Dashboards and alerts, by a real Prometheus that scrapes a real agent under load."""

import json
import math
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from testbed import Agent, Bed, eventually
from testbed.addresses import V4
from testbed.agent import Metrics, for_addresses, manifest_template
from testbed.kustomize import render, select
from testbed.prometheus import Prometheus, scrape_jobs

REPOSITORY = Path(__file__).resolve().parents[2]
REFERENCE = yaml.safe_load((REPOSITORY / "Tests/Fixtures/monitoring/families.yaml").read_text())
POPULAR = yaml.safe_load((REPOSITORY / "Tests/Fixtures/monitoring/popular.yaml").read_text())
OBJECTS = render(REPOSITORY / "manifests" / "monitoring")
(DASHBOARD,) = select(OBJECTS, "ConfigMap")
(MONITOR,) = select(OBJECTS, "ServiceMonitor")
(RULES,) = select(OBJECTS, "PrometheusRule")
(SERVICE,) = select(OBJECTS, "Service")

PANELS = [
    pytest.param(target["expr"], id=f"{panel['title']}-{target['refId']}")
    for panel in json.loads(DASHBOARD["data"]["node-local-dns.json"])["panels"]
    for target in panel.get("targets", [])
]
EXPRESSIONS = [
    pytest.param(expression, id=f"{consumer}-{number}")
    for consumer, expressions in POPULAR.items()
    for number, expression in enumerate(expressions)
]
# What Grafana puts in.
VARIABLES = {"$job": "node-local-dns", "$instance": ".*", "$__rate_interval": "1m"}
PLUGINS = """
plugins.example.net {{
    bind {local}
    prometheus :9253
    hosts {{
        192.0.2.1 host.plugins.example.net
        fallthrough
    }}
    template IN TXT {{
        answer "{{{{ .Name }}}} 60 IN TXT {{{{ .Zone }}}}"
    }}
    template IN MX {{
        answer "{{{{ .Name }}}} 60 IN MX nonsense"
    }}
    template IN SRV {{
        answer "{{{{ index .Match 5 }}}}"
    }}
}}
example.org:5301 {{
    bind {local}
    prometheus :9253
    dns64 {{
        allow_ipv4
        translate_all
    }}
    forward . {resolver}
}}
"""
SILENT_DOMAIN = "silent.example.net"
BROKEN_DOMAIN = "broken.example.net"
OPT_RECORD = bytes.fromhex("00 0029 04d0 00000000 0000")
# These take some seconds of load.
SLOW_EVENTS = {
    "coredns_cache_evictions_total",
    "coredns_cache_served_stale_total",
    "coredns_cache_prefetch_total",
    "coredns_proxy_healthcheck_failures_total",
}


def template(silent_server: str, broken_server: str) -> str:
    """The manifest's, with caches that evict, refresh and go stale within seconds, and zones that fail."""
    text = for_addresses(manifest_template(), [V4.local, V4.kube_dns])
    text = text.replace("denial 9984 5\n", "denial 9984 5\n prefetch 2 1m 90%\n")
    text = text.replace("cache 30\n", "cache 5 {\n success 1024 5\n serve_stale\n }\n")
    for zone, server in (
        (SILENT_DOMAIN, silent_server),
        (BROKEN_DOMAIN, broken_server),
        ("example.org:5300", V4.resolver),  # a port on which not every name has a block
    ):
        text += f"{zone} {{\n bind {V4.local}\n cache\n forward . {server}\n prometheus :9253\n}}\n"
    return text + PLUGINS.format(local=V4.local, resolver=V4.resolver)


@pytest.fixture(scope="module")
def broken_server(bed: Bed) -> Iterator[str]:
    """A server with an OPT record among its answers, where there may be none (RFC 6891, 6.1.1)."""
    address = "192.0.2.67"
    bed.outside.ip("address", "add", f"{address}/32", "dev", "lo")
    with bed.outside.open_socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, 53))

        def serve() -> None:
            while True:
                question, client = server.recvfrom(4096)
                if client[0] == address:
                    return
                header = question[:2] + b"\x81\x80\0\1\0\1\0\0\0\0"
                server.sendto(header + plain(question[12:]) + OPT_RECORD, client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield address
        with bed.outside.open_socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.bind((address, 0))
            last.sendto(b"end", (address, 53))
        thread.join()
    bed.outside.ip("address", "del", f"{address}/32", "dev", "lo")


def plain(sections: bytes) -> bytes:
    """The question alone, without what follows it."""
    return sections[: sections.index(0) + 5]


@pytest.fixture(scope="module")
def loaded(bed: Bed, binary: Path, silent_server: str, broken_server: str) -> Iterator[Agent]:
    """An agent that is asked all sorts of questions, for as long as the tests run."""
    questions = {
        "hits": [
            *(f"load-{number}.shop.svc.cluster.local A" for number in range(200)),
            *(f"no-{number}.shop.svc.cluster.local AAAA" for number in range(50)),
            "www.example.org A",
            "_https._tcp.kubernetes.default.svc.cluster.local SRV",
        ],
        "misses": [f"new-{number}.example.org A" for number in range(100_000)],
    }
    for name, lines in questions.items():
        (bed.directory / name).write_text("\n".join(lines) + "\n")
    with ExitStack() as stack:
        agent = stack.enter_context(
            Agent(bed, binary, template=template(silent_server, broken_server), name="monitored")
        )

        def load(pod: int, name: str, *options: object) -> None:
            command = ["dnsperf", "-s", V4.local, "-d", bed.directory / name, "-l", 300, *options]
            log = stack.enter_context(open(bed.directory / f"dnsperf-{name}-{pod}", "w"))
            process = bed.pods[pod].start(*command, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)

        load(0, "hits", "-D", "-Q", 500)
        load(1, "hits", "-m", "tcp", "-Q", 100)
        load(1, "misses", "-Q", 200)
        bed.pod1.datagram(b"no DNS message", V4.local, timeout=0.1)
        bed.host.ask("www.example.com", server=V4.local, port=5300)
        for name, kind in (("host", "A"), ("a", "TXT"), ("a", "MX"), ("a", "SRV")):
            bed.pod1.ask(f"{name}.plugins.example.net", kind)
        bed.host.ask("www.example.org", "AAAA", server=V4.local, port=5301)
        for domain in (SILENT_DOMAIN, BROKEN_DOMAIN):
            bed.pod1.ask(f"a.{domain}", timeout=6)

        def has_happened() -> bool:
            bed.pod1.ask("1.0.96.10.in-addr.arpa", "PTR")
            return SLOW_EVENTS <= agent.metrics().names

        eventually(has_happened, within=30, every=0.5, what=f"{SLOW_EVENTS}")
        yield agent


@pytest.fixture(scope="module")
def prometheus(bed: Bed, loaded: Agent) -> Iterator[Prometheus]:
    jobs = scrape_jobs(MONITOR, SERVICE, V4.node, "node1")
    with Prometheus(bed.node, bed.directory / "prometheus", jobs, RULES["spec"]) as running:
        eventually(
            lambda: running.value('min(count_over_time(up{job=~"node-local-dns.*"}[1m]))') >= 8,
            within=30,
            what="enough scrapes for a rate",
        )
        yield running


def series(scrape: Metrics, family: str) -> list[dict[str, str]]:
    """The labels of a family's samples, those of histograms without what histograms add."""
    names = {family, f"{family}_bucket", f"{family}_sum", f"{family}_count"}
    return [labels for name, labels, _ in scrape.samples if name in names]


@pytest.fixture(scope="module")
def scrape(loaded: Agent) -> Metrics:
    return loaded.metrics(9253)


@pytest.mark.parametrize("family", REFERENCE["families"])
def test_the_family(scrape: Metrics, family: str) -> None:
    known = REFERENCE["families"][family]
    assert f"# TYPE {family} {known['type']}\n" in scrape.text
    assert re.search(rf"^# HELP {family} \S", scrape.text, re.MULTILINE)
    shown = series(scrape, family)
    assert shown
    for labels in shown:
        assert sorted(set(labels) - {"le"}) == known["labels"]
        for label, value in labels.items():
            if label in REFERENCE["values"]:
                assert re.fullmatch(REFERENCE["values"][label], value), f"{label}={value}"
    if known["type"] == "histogram":
        bounds = {labels["le"] for labels in shown if "le" in labels}
        assert sorted(bounds, key=float) == REFERENCE["buckets"][known["buckets"]].split()


def test_every_name_that_coredns_has_is_in_the_reference(scrape: Metrics) -> None:
    families = set(re.findall(r"^# TYPE (\S+)", scrape.text, re.MULTILINE))
    assert {name for name in families if not name.startswith("nodelocal_")} == set(REFERENCE["families"])


def found(prometheus: Prometheus, expression: str) -> list[float]:
    """The numbers that an expression gives, for those series whose rate is not 0 / 0."""
    values = [float(series["value"][1]) for series in prometheus.query(expression)]
    return [value for value in values if not math.isnan(value)]


MOST_SECONDS_BY_SCRAPE = 0.02
SCRAPES = 100


def test_a_scrape_costs_little(loaded: Agent, capsys: pytest.CaptureFixture[str]) -> None:
    """Processor time of all threads but those that answer UDP: of the scrapes, and of what goes on beside."""
    (worker,) = loaded.children()

    def spent() -> float:
        total = 0
        for task in Path(f"/proc/{worker}/task").iterdir():
            if not (task / "comm").read_text().startswith("dns-udp-"):
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    before, started = spent(), time.monotonic()
    for _ in range(SCRAPES):
        size = len(loaded.metrics(9253).text)
    by_scrape, took = (spent() - before) / SCRAPES, (time.monotonic() - started) / SCRAPES
    with capsys.disabled():
        print(
            f"\n{by_scrape * 1e3:.1f} ms of processor by scrape, {took * 1e3:.1f} ms by the clock, {size} octets"
        )
    assert by_scrape < MOST_SECONDS_BY_SCRAPE


def test_both_ports_are_scraped(prometheus: Prometheus) -> None:
    targets = {(one["metric"]["job"], one["metric"]["instance"]) for one in prometheus.query("up == 1")}
    assert targets == {("node-local-dns", "node1"), ("node-local-dns-supervisor", "node1")}


def test_nothing_of_the_workers_is_stored_twice(prometheus: Prometheus, loaded: Agent) -> None:
    stored = {
        one["metric"]["__name__"]
        for one in prometheus.query('{job="node-local-dns-supervisor", __name__=~"coredns_.*|nodelocal_.*"}')
    }
    snapshot = {name for name in loaded.metrics(9353).names if name.startswith(("coredns_", "nodelocal_"))}
    assert stored < snapshot
    assert "nodelocal_worker_up" in stored
    assert not any(name.startswith(("coredns_dns_", "coredns_cache_", "nodelocal_hit_")) for name in stored)


@pytest.mark.parametrize("expression", PANELS)
def test_the_dashboard_shows(prometheus: Prometheus, expression: str) -> None:
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression
    assert found(prometheus, expression)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_others_ask_for_is_there(prometheus: Prometheus, expression: str) -> None:
    assert found(prometheus, expression)


def test_what_is_no_go_program_has_no_goroutines(prometheus: Prometheus) -> None:
    """One panel of the mixin stays empty: a made-up number would be worse."""
    assert prometheus.query('{__name__=~"go_.*", job=~"node-local-dns.*"}') == []


def test_prometheus_evaluates_all_rules(prometheus: Prometheus) -> None:
    def evaluated() -> bool:
        return all(rule["health"] != "unknown" for rule in prometheus.rules())

    eventually(evaluated, within=20, what="every rule evaluated")
    rules = prometheus.rules()
    assert len(rules) == sum(len(group["rules"]) for group in RULES["spec"]["groups"])
    assert [rule for rule in rules if rule["health"] != "ok"] == []


def test_a_healthy_agent_raises_no_alert_about_its_life(prometheus: Prometheus) -> None:
    life = {rule["alert"] for rule in RULES["spec"]["groups"][0]["rules"]}
    raised = [rule["name"] for rule in prometheus.rules() if rule["state"] != "inactive"]
    assert [name for name in raised if name in life] == []
