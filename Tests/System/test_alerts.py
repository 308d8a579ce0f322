"""Every alert fires when it should and is silent when it should be, by promtool's own reckoning."""

import copy
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from testbed.kustomize import render, select

REPOSITORY = Path(__file__).resolve().parents[2]
(RULES,) = select(render(REPOSITORY / "manifests" / "monitoring"), "PrometheusRule")
ALERTS = [rule for group in RULES["spec"]["groups"] for rule in group["rules"]]
OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text()

JOB = 'job="node-local-dns", instance="node1"'
TO = f'{JOB}, to="192.0.2.53:53"'


@dataclass(frozen=True)
class Case:
    """Series by name with their values each minute (promtool's notation), and what comes of them when."""

    alert: str
    series: dict[str, str]
    labels: dict[str, str] | None = field(default=None)  # of the alert that fires; None: silence
    after: str = "20m"

    @property
    def name(self) -> str:
        return f"{self.alert}-{'silent' if self.labels is None else 'fires'}"


def buckets(family: str, labels: str, *, fast: str, slow: str) -> dict[str, str]:
    """A histogram of answers within a millisecond and of others within eight seconds."""
    both = f'{family}_bucket{{{labels}, le="%s"}}'
    return {both % "0.001": fast, both % "8.192": slow, both % "+Inf": slow}


def responses(failed: int) -> dict[str, str]:
    """A thousand replies a minute, `failed` of them SERVFAIL."""
    family = "coredns_dns_responses_total"
    return {
        f'{family}{{{JOB}, rcode="SERVFAIL"}}': f"0+{failed}x30",
        f'{family}{{{JOB}, rcode="NOERROR"}}': f"0+{1000 - failed}x30",
    }


def replies(failed: int) -> dict[str, str]:
    family = "coredns_proxy_request_duration_seconds_count"
    return {
        f'{family}{{{TO}, rcode="SERVFAIL"}}': f"0+{failed}x30",
        f'{family}{{{TO}, rcode="NOERROR"}}': f"0+{1000 - failed}x30",
    }


def both_ports(family: str, values: str, labels: str = "") -> dict[str, str]:
    """A number of the supervisor's, which both ports show: one alert must come of it, not two."""
    jobs = ("node-local-dns", "node-local-dns-supervisor")
    return {f'{family}{{job="{job}", instance="node1"{labels}}}': values for job in jobs}


def traffic(intercepted: int, fallback: int) -> dict[str, str]:
    return {
        **both_ports("nodelocal_interception_active", f"{intercepted}x30", ', family="ipv4"'),
        **both_ports("nodelocal_fallback_installed", f"{fallback}x30", ', family="ipv4"'),
        # A node without IPv6: neither is a reason to wake anybody.
        **both_ports("nodelocal_interception_active", "0x30", ', family="ipv6"'),
        **both_ports("nodelocal_fallback_installed", "0x30", ', family="ipv6"'),
    }


UP = f"up{{{JOB}}}"
NODE = {"instance": "node1"}
IPV4 = {"instance": "node1", "family": "ipv4"}
UPSTREAM = {"to": "192.0.2.53:53"}
WARNING, CRITICAL, INFO = ({"severity": one} for one in ("warning", "critical", "info"))
BY_SERVER = f'{JOB}, server="dns://169.254.20.10:53", zone="."'
TIMEOUTS = f"nodelocal_upstream_timeouts_total{{{TO}}}"
CHECKS = f"coredns_proxy_healthcheck_failures_total{{{TO}}}"
LOOPING = f"nodelocal_upstream_looping{{{TO}}}"
TLS = f"nodelocal_upstream_tls_failures_total{{{TO}}}"
BROKEN = f"coredns_forward_healthcheck_broken_total{{{JOB}}}"
SHED = f'nodelocal_shed_total{{{JOB}, reason="queue_full"}}'
SHED_BY_OTHERS = f'nodelocal_shed_total{{{JOB}, reason="upstreams_down"}}'
SETUP = "coredns_nodecache_setup_errors_total"
DURATION, PROXY = "coredns_dns_request_duration_seconds", "coredns_proxy_request_duration_seconds"


def cache(used: int, evicted: int) -> dict[str, str]:
    return {
        f"nodelocal_cache_bytes{{{JOB}}}": f"{used}x60",
        f"nodelocal_cache_budget_bytes{{{JOB}}}": "1000x60",
        f'coredns_cache_evictions_total{{{JOB}, type="success"}}': f"0+{evicted}x60",
    }


CASES = [
    Case("NodeLocalDNSMetricsDown", {UP: "0x30"}, CRITICAL, "3m"),
    Case("NodeLocalDNSMetricsDown", {UP: "1x30"}),
    Case("NodeLocalDNSTargetDown", {UP: "0x30"}, WARNING | NODE | {"job": "node-local-dns"}, "11m"),
    Case("NodeLocalDNSTargetDown", {UP: "0x5 1x30"}),
    Case("NodeLocalDNSNotReady", both_ports("nodelocal_worker_up", "0x30"), WARNING | NODE, "3m"),
    Case("NodeLocalDNSNotReady", both_ports("nodelocal_worker_up", "0 1x30")),
    Case("NodeLocalDNSInterceptionInactive", traffic(0, 1), WARNING | IPV4, "6m"),
    Case("NodeLocalDNSInterceptionInactive", traffic(1, 1)),
    Case("NodeLocalDNSInterceptsNothing", traffic(0, 0), WARNING | NODE, "16m"),
    Case("NodeLocalDNSInterceptsNothing", traffic(1, 1)),
    Case("NodeLocalDNSFallbackAbsent", traffic(1, 0), WARNING | IPV4, "16m"),
    Case("NodeLocalDNSFallbackAbsent", traffic(1, 1)),
    Case(
        "NodeLocalDNSWorkerRestarts",
        both_ports("nodelocal_worker_restarts_total", "0 0 1 2 3 4x20"),
        WARNING | NODE,
        "10m",
    ),
    Case("NodeLocalDNSWorkerRestarts", both_ports("nodelocal_worker_restarts_total", "0x5 1x30")),
    Case("NodeLocalDNSPanics", both_ports("coredns_panics_total", "0x5 1x30"), WARNING | NODE, "7m"),
    # Those of cluster DNS are not ours.
    Case(
        "NodeLocalDNSPanics", {'coredns_panics_total{job="kube-dns", instance="pod"}': "0x5 1x30"}, after="7m"
    ),
    Case(
        "NodeLocalDNSConfigurationRejected",
        both_ports("nodelocal_configuration_current", "1x5 0x30"),
        WARNING | NODE,
        "12m",
    ),
    Case("NodeLocalDNSConfigurationRejected", both_ports("nodelocal_configuration_current", "1x5 0x2 1x30")),
    Case(
        "NodeLocalDNSSetupErrorsHigh",
        both_ports(SETUP, "0+1x30", ', errortype="iptables"'),
        WARNING | NODE | {"errortype": "iptables"},
    ),
    Case("NodeLocalDNSSetupErrorsHigh", both_ports(SETUP, "0 1x30", ', errortype="iptables"')),
    Case(
        "NodeLocalDNSNodeNetworkRepaired",
        both_ports("nodelocal_node_network_repairs_total", "0+1x30"),
        WARNING | NODE,
    ),
    Case("NodeLocalDNSNodeNetworkRepaired", both_ports("nodelocal_node_network_repairs_total", "0 2x30")),
    Case("NodeLocalDNSErrorsHigh", responses(20), WARNING),
    Case("NodeLocalDNSErrorsHigh", responses(5)),
    Case(
        "NodeLocalDNSLatencyHigh",
        buckets(DURATION, BY_SERVER, fast="0x30", slow="0+10x30"),
        CRITICAL | {"server": "dns://169.254.20.10:53", "zone": "."},
    ),
    Case("NodeLocalDNSLatencyHigh", buckets(DURATION, BY_SERVER, fast="0+10x30", slow="0+10x30")),
    Case(
        "NodeLocalDNSHitLatencyHigh",
        buckets("nodelocal_hit_duration_seconds", JOB, fast="0x30", slow="0+10x30"),
        WARNING | NODE,
    ),
    Case(
        "NodeLocalDNSHitLatencyHigh",
        buckets("nodelocal_hit_duration_seconds", JOB, fast="0+10x30", slow="0+10x30"),
    ),
    Case("NodeLocalDNSForwardHealthcheckBrokenCount", {BROKEN: "0+5x30"}, CRITICAL | NODE),
    Case("NodeLocalDNSForwardHealthcheckBrokenCount", {BROKEN: "7x30"}),
    Case("NodeLocalDNSForwardHealthcheckFailureCount", {CHECKS: "0+5x30"}, WARNING | UPSTREAM),
    Case("NodeLocalDNSForwardHealthcheckFailureCount", {CHECKS: "0 5x30"}),
    # Also of an upstream that has never answered anything.
    Case("NodeLocalDNSUpstreamTimeouts", {TIMEOUTS: "0+100x30"}, WARNING | UPSTREAM),
    Case("NodeLocalDNSUpstreamTimeouts", {TIMEOUTS: "0+10x30", **replies(0)}),
    Case("NodeLocalDNSUpstreamLoops", {LOOPING: "1x30"}, WARNING | NODE | UPSTREAM),
    Case("NodeLocalDNSUpstreamLoops", {LOOPING: "1x2 0x30"}),
    Case("NodeLocalDNSUpstreamTLSFails", {TLS: "0+5x30"}, WARNING | UPSTREAM),
    Case("NodeLocalDNSUpstreamTLSFails", {TLS: "5x30"}),
    Case("NodeLocalDNSForwardErrorsHigh", replies(50), WARNING | UPSTREAM),
    Case("NodeLocalDNSForwardErrorsHigh", replies(10)),
    Case(
        "NodeLocalDNSForwardLatencyHigh", buckets(PROXY, TO, fast="0x30", slow="0+10x30"), WARNING | UPSTREAM
    ),
    Case("NodeLocalDNSForwardLatencyHigh", buckets(PROXY, TO, fast="0+10x30", slow="0+10x30")),
    Case("NodeLocalDNSQueriesShed", {SHED: "0+60x30"}, WARNING | NODE | {"reason": "queue_full"}),
    Case("NodeLocalDNSQueriesShed", {SHED: "9x30"}),
    Case("NodeLocalDNSQueriesShed", {SHED_BY_OTHERS: "0+60x30"}),
    Case("NodeLocalDNSCacheFull", cache(990, 1000), INFO | NODE, "40m"),
    Case("NodeLocalDNSCacheFull", cache(990, 0), after="40m"),
]


def promtool(*arguments: str, directory: Path) -> None:
    command = ["promtool", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=directory)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(RULES["spec"]))
    promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yaml", directory=tmp_path)


def test_every_alert_has_a_case_for_both() -> None:
    for labels in (None, ...):
        tested = {case.alert for case in CASES if (case.labels is None) == (labels is None)}
        assert tested == {rule["alert"] for rule in ALERTS}


def reckon(directory: Path, case: Case, expected: list[dict[str, str]]) -> None:
    """Has promtool compare the labels of what fires; the wording is not what is tested here."""
    spec = copy.deepcopy(RULES["spec"])
    for group in spec["groups"]:
        for rule in group["rules"]:
            del rule["annotations"]
    (directory / "rules.yaml").write_text(yaml.safe_dump(spec))
    alerts = [{"exp_labels": labels} for labels in expected]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "alert_rule_test": [{"eval_time": case.after, "alertname": case.alert, "exp_alerts": alerts}],
    }
    whole = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]}
    (directory / "test.yaml").write_text(yaml.safe_dump(whole))
    promtool("test", "rules", "test.yaml", directory=directory)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_alert(case: Case, tmp_path: Path) -> None:
    reckon(tmp_path, case, [] if case.labels is None else [case.labels])


def test_many_errors_are_critical(tmp_path: Path) -> None:
    """Above three per cent both fire; Alertmanager's inhibition keeps the louder."""
    reckon(tmp_path, Case("NodeLocalDNSErrorsHigh", responses(50)), [WARNING, CRITICAL])


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_the_alert_says_what_to_do(rule: dict) -> None:
    notes = rule["annotations"]
    assert set(notes) == {"summary", "description", "runbook_url"}
    assert notes["summary"].endswith(".") and notes["description"].endswith(".")
    document, _, anchor = notes["runbook_url"].partition("#")
    assert document == "docs/operations.md" and anchor == rule["alert"].lower()
    assert re.search(rf"^### {rule['alert']}$", OPERATIONS, re.MULTILINE)
