"""Starts that go wrong: a clear sentence, the right exit code, nothing left behind."""

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import dns.edns
import dns.exception
import dns.rcode
import pytest
import yaml

from testbed import Agent, Bed
from testbed.addresses import V4
from testbed.agent import MANIFEST, for_addresses, manifest_template
from testbed.client import addresses

pytestmark = pytest.mark.usefixtures("real_time_priority")

IP_FREEBIND = 15  # <linux/in.h>: the address need not be there yet


def fails(agent: Agent, pattern: str) -> str:
    """Starts the agent, which has to end with 1 and a line that matches; nothing may stay of it."""
    before = agent.bed.network_state()
    agent.start()
    assert agent.wait(15) == 1, agent.log
    found = re.search(pattern, agent.log)
    assert found, f"no {pattern!r} in:\n{agent.log}"
    assert agent.bed.network_state() == before
    return found.group(0)


@contextlib.contextmanager
def occupied(bed: Bed, kind: int) -> Iterator[None]:
    """Somebody else has port 53 of the node-local address."""
    with bed.node.open_socket(socket.AF_INET, kind) as other:
        other.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
        if kind == socket.SOCK_STREAM:  # closed connections of earlier agents may linger
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((V4.local, 53))
        if kind == socket.SOCK_STREAM:
            other.listen()
        yield


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
def test_a_busy_port(bed: Bed, new_agent, kind: int) -> None:
    with occupied(bed, kind):
        fails(new_agent(), rf"(?i){re.escape(V4.local)}:53.*in use")


def test_the_capability_net_admin_is_missing(new_agent) -> None:
    fails(new_agent(wrapper=("setpriv", "--bounding-set=-net_admin")), "NET_ADMIN")


def test_the_capabilities_of_the_manifest_suffice(bed: Bed, new_agent) -> None:
    granted = container()["securityContext"]["capabilities"]
    assert granted["drop"] == ["ALL"]
    bounding = ",".join(["-all", *(f"+{name.lower()}" for name in granted["add"])])
    wrapper = ("setpriv", f"--bounding-set={bounding}", "--no-new-privs")
    with new_agent(wrapper=wrapper) as agent:
        assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local"))
        assert agent.children()


def test_the_worker_has_no_privileges(new_agent) -> None:
    with new_agent() as agent:
        (worker,) = agent.children()
        with open(f"/proc/{worker}/status") as file:
            status = dict(line.split(":", 1) for line in file)
        assert set(status["Uid"].split()) == {"65532"}
        assert int(status["CapEff"], 16) == 0
        assert int(status["CapPrm"], 16) == 0


WRONG_COREFILES = [
    ("unclosed-block", ".:53 {\n    errors\n", r"Corefile\.base:\d+:\d+: error: "),
    ("unknown-directive", ".:53 {\n    erors\n}\n", r"Corefile\.base:2:5: error: .*erors"),
    ("plugin-we-do-not-have-yet", ".:53 {\n    kubernetes\n}\n", r"Corefile\.base:2:5: error: .*kubernetes"),
    (
        "wrong-argument",
        ".:53 {\n    cache soon {\n        success many\n    }\n}\n",
        r"Corefile\.base:3:\d+: error: ",
    ),
    (
        "forward-to-a-name",
        ".:53 {\n    forward . ns.example.org\n}\n",
        r"Corefile\.base:2:\d+: error: .*ns\.example\.org",
    ),
]


@pytest.mark.parametrize(
    ("ours", "worker"),
    [((), "glibc.malloc.tcache_count=128"), (("env", "GLIBC_TUNABLES=glibc.malloc.check=0"), "glibc.malloc.check=0")],
    ids=["alone", "after the operator's"],
)
def test_the_worker_wastes_no_memory_between_answers(new_agent, ours: tuple[str, ...], worker: str) -> None:
    with new_agent(wrapper=ours) as agent:
        (pid,) = agent.children()
        assert f"GLIBC_TUNABLES={worker}" in Path(f"/proc/{pid}/environ").read_text().split("\0")


@pytest.mark.parametrize(
    ("case", "text", "pattern"), WRONG_COREFILES, ids=[case for case, _, _ in WRONG_COREFILES]
)
def test_a_wrong_corefile(bed: Bed, new_agent, case: str, text: str, pattern: str) -> None:
    """The node has DNS all the same, and the template is taken as soon as it is right."""
    with new_agent(template=text) as agent:
        assert re.search(pattern, agent.log)
        assert "[ERROR] Starting with the built-in configuration" in agent.log
        assert agent.metrics(9353).value("coredns_nodecache_setup_errors_total", errortype="configmap") > 0
        assert agent.get("/health", 8080) == (200, "OK")
        assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local", server=V4.kube_dns))


def test_without_a_template(bed: Bed, new_agent) -> None:
    with new_agent(flags={"basecorefile": "/nonexistent/Corefile.base"}) as agent:
        assert "[ERROR] Starting with the built-in configuration" in agent.log
        assert agent.metrics(9353).value("coredns_nodecache_setup_errors_total", errortype="configmap") > 0
        assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local", server=V4.kube_dns))


def test_after_a_good_start_a_wrong_template_starts_with_the_last_good_one(bed: Bed, new_agent) -> None:
    with new_agent() as first:
        state = first.flags["state-dir"]
    with new_agent(template="wrong {", flags={"state-dir": state}) as agent:
        assert f"[ERROR] Starting with the last good configuration, {state}/last-good" in agent.log
        assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local"))
        agent.template.replace({"Corefile.base": for_addresses(manifest_template(), list(agent.addresses))})
        agent.wait_log("Reloading complete", within=10)
        assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local"))


def test_a_busy_metrics_port_does_not_stop_dns(bed: Bed, new_agent) -> None:
    with bed.node.open_socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.bind(("0.0.0.0", 9353))
        other.listen()
        with new_agent() as agent:
            assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local"))
            agent.wait_log(r"(?i)9353.*in use")


def test_a_config_map_directory_that_is_not_there(bed: Bed, new_agent) -> None:
    with new_agent(flags={"kubednscm": "/nonexistent/kube-dns"}):
        assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local"))


def test_without_interface_and_rules_it_only_serves(bed: Bed, new_agent, binary: Path) -> None:
    bed.node.run(binary, "cleanup")  # a fall-back would answer in its place
    before = bed.network_state()
    bed.node.ip("address", "add", f"{V4.local}/32", "dev", "lo")
    prepared = bed.network_state()
    try:
        with new_agent(addresses=(V4.local,), flags={"setupinterface": "false", "setupiptables": "false"}):
            assert addresses(bed.host.ask("kubernetes.default.svc.cluster.local"))
            assert bed.network_state() == prepared
    finally:
        bed.node.ip("address", "del", f"{V4.local}/32", "dev", "lo")
    assert bed.network_state() == before


@pytest.mark.parametrize("name", ["kubernetes.default.svc.cluster.local", "www.example.org"])
def test_with_nobody_to_ask_the_first_answer_comes_at_once(
    bed: Bed, new_agent, binary: Path, name: str
) -> None:
    """No Service, no route to any resolver: SERVFAIL, with the reason, instead of silence."""
    bed.node.run(binary, "cleanup")  # a fall-back would answer in its place
    bed.node.ip("route", "add", "unreachable", "203.0.113.77")
    bed.node.set_resolv_conf("203.0.113.77")
    took = []
    try:
        for _ in range(3):
            agent = new_agent(upstream=None, flags={"upstreamsvc": "nowhere"})
            began = time.monotonic()
            agent.start()
            answer = None
            while answer is None:
                assert time.monotonic() < began + 5, agent.log
                with contextlib.suppress(OSError, dns.exception.Timeout):
                    answer = bed.host.ask(name, server=V4.local, timeout=0.02, use_edns=0)
            took.append(time.monotonic() - began)
            assert answer.rcode() == dns.rcode.SERVFAIL
            assert [option.otype for option in answer.options] == [dns.edns.EDE]
            agent.stop()
    finally:
        bed.node.ip("route", "del", "unreachable", "203.0.113.77")
        bed.node.set_resolv_conf(V4.resolver)
    assert min(took) < 0.3, took


def container() -> dict:
    for document in yaml.safe_load_all(MANIFEST.read_text()):
        if document["kind"] == "DaemonSet":
            return document["spec"]["template"]["spec"]["containers"][0]
    raise AssertionError("the manifest has no DaemonSet")
