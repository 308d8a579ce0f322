"""Dashboards and alerts, by a real Prometheus that scrapes a real agent under load."""

import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from testbed import Agent, Bed, eventually
from testbed.addresses import V4
from testbed.agent import for_addresses, manifest_template
from testbed.kustomize import render, select
from testbed.prometheus import Prometheus, scrape_jobs

REPOSITORY = Path(__file__).resolve().parents[2]
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
SILENT_DOMAIN = "silent.example.net"


@pytest.fixture(scope="module")
def loaded(bed: Bed, binary: Path, silent_server: str) -> Iterator[Agent]:
    """An agent with a small cache that is asked all sorts of questions, for as long as the tests run."""
    template = for_addresses(manifest_template(), [V4.local, V4.kube_dns])
    template = template.replace("cache 30\n", "cache 30 {\n success 1024\n }\n")
    # A port on which not every name has a block.
    template += f"example.org:5300 {{\n bind {V4.local}\n forward . {V4.resolver}\n prometheus :9253\n}}\n"
    stub = {"stubDomains": json.dumps({SILENT_DOMAIN: [silent_server]})}
    questions = {
        "hits": [
            *(f"load-{number}.shop.svc.cluster.local A" for number in range(200)),
            *(f"no-{number}.shop.svc.cluster.local AAAA" for number in range(50)),
            "www.example.org A",
            "1.0.96.10.in-addr.arpa PTR",
            "_https._tcp.kubernetes.default.svc.cluster.local SRV",
        ],
        "misses": [f"new-{number}.example.org A" for number in range(100_000)],
    }
    for name, lines in questions.items():
        (bed.directory / name).write_text("\n".join(lines) + "\n")
    with ExitStack() as stack:
        agent = stack.enter_context(Agent(bed, binary, template=template, config_map=stub, name="monitored"))

        def load(pod: int, name: str, *options: object) -> None:
            command = ["dnsperf", "-s", V4.local, "-d", bed.directory / name, "-l", 300, *options]
            log = stack.enter_context(open(bed.directory / f"dnsperf-{name}-{pod}", "w"))
            process = bed.pods[pod].start(*command, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)

        bed.pods[0].run("dnsperf", "-s", V4.local, "-d", bed.directory / "misses", "-l", 2, timeout=30)
        load(0, "hits", "-D", "-Q", 500)
        load(1, "hits", "-m", "tcp", "-Q", 100)
        load(1, "misses", "-Q", 100)
        bed.pod1.datagram(b"no DNS message", V4.local, timeout=0.1)
        bed.host.ask("www.example.com", server=V4.local, port=5300)
        bed.pod1.ask(f"a.{SILENT_DOMAIN}", timeout=6)
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


def found(prometheus: Prometheus, expression: str) -> list[float]:
    """The numbers that an expression gives, for those series whose rate is not 0 / 0."""
    values = [float(series["value"][1]) for series in prometheus.query(expression)]
    return [value for value in values if not math.isnan(value)]


def test_both_ports_are_scraped(prometheus: Prometheus) -> None:
    targets = {(one["metric"]["job"], one["metric"]["instance"]) for one in prometheus.query("up == 1")}
    assert targets == {("node-local-dns", "node1"), ("node-local-dns-supervisor", "node1")}


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
