"""Start, stop, death and what is left of it."""

import json
import os
import re
import signal
from pathlib import Path

import pytest

from testbed import Bed, eventually
from testbed.addresses import V4
from testbed.agent import alive, for_addresses, manifest_template
from testbed.client import addresses
from testbed.load import Load

pytestmark = pytest.mark.usefixtures("real_time_priority")


def resolves(bed: Bed, server: str = V4.local) -> bool:
    return addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local", server=server, timeout=0.5)) == {
        "10.96.0.1"
    }


def occurrences(bed: Bed, address: str) -> int:
    """On how many links an address is."""
    return sum(f" {address}/" in line for line in bed.node.ip("-o", "address").splitlines())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_clean_stop_leaves_nothing_behind(bed: Bed, new_agent, number: int) -> None:
    before = bed.network_state()
    agent = new_agent()
    with agent:
        (worker,) = agent.children()
        assert bed.network_state() != before
        pid_file = agent.directory / "node-cache.pid"
        assert int(pid_file.read_text()) == agent.process.pid
        agent.stop(number)
    assert bed.network_state() == before
    assert not alive(worker)
    assert not pid_file.exists()


def test_after_a_stop_the_fallback_answers_until_cleanup(bed: Bed, new_agent, binary: Path) -> None:
    bed.node.run(binary, "cleanup")
    before = bed.network_state()
    with new_agent() as agent:
        metrics = agent.metrics(9353)
        assert metrics.value("nodelocal_fallback_installed", family="ipv4") == 1
        assert metrics.value("nodelocal_fallback_installed", family="ipv6") == 0
        assert metrics.value("nodelocal_service_proxy", kind="iptables-nft") == 1
        assert metrics.value("nodelocal_service_proxy") == 1
        assert "Services are translated by iptables-nft" in agent.log
    for client in (bed.pod1, bed.host):
        for tcp in (False, True):
            answer = client.ask("kubernetes.default.svc.cluster.local", server=V4.local, tcp=tcp)
            assert addresses(answer) == {"10.96.0.1"}
    assert bed.fallback() == ["ip nodelocaldns-fallback"]
    assert "nodelocaldns-fallback" in bed.node.run(binary, "cleanup")
    assert bed.tables() == []
    assert "Nothing" in bed.node.run(binary, "cleanup")
    assert bed.network_state() == before


def test_cleanup_removes_what_a_dead_agent_left(bed: Bed, new_agent, binary: Path) -> None:
    before = bed.network_state()
    with new_agent() as agent:
        agent.kill()
        assert occurrences(bed, V4.local) == 1
        bed.node.run(binary, "cleanup")
    assert bed.tables() == []
    assert bed.network_state() == before


def test_rules_of_node_cache_are_removed_at_the_start(bed: Bed, new_agent) -> None:
    before = bed.network_state()
    rule = (V4.local, "-p", "udp", "--dport", "53", "-j", "NOTRACK")
    bed.node.run(
        *("iptables-nft", "-t", "raw", "-A", "PREROUTING", "-d"),
        *rule,
        *("-m", "comment", "--comment", "NodeLocal DNS Cache: skip conntrack"),
    )
    with new_agent() as agent:
        assert "Removed a rule of node-cache" in agent.log
    assert "NodeLocal DNS Cache" not in bed.network_state()
    bed.node.run("nft", "delete", "table", "ip", "raw")
    assert bed.network_state() == before


def test_with_skipteardown_the_address_stays(bed: Bed, new_agent) -> None:
    before = bed.network_state()
    with new_agent(flags={"skipteardown": "true"}):
        pass
    assert occurrences(bed, V4.local) == 1
    with new_agent():  # adopts it, and tears down
        assert occurrences(bed, V4.local) == 1
    assert bed.network_state() == before


def test_killed_and_started_again_there_is_exactly_one_of_everything(bed: Bed, new_agent) -> None:
    before = bed.network_state()
    with new_agent() as first:
        once = bed.network_state()
        first.kill()
    with new_agent() as second:
        assert occurrences(bed, V4.local) == 1
        assert occurrences(bed, V4.kube_dns) == 1
        assert lines_without_names(bed.network_state()) == lines_without_names(once)
        assert resolves(bed)
        second.kill()
    with new_agent():
        assert resolves(bed)
    assert bed.network_state() == before


def lines_without_names(state: str) -> list[str]:
    """Table names may carry the process id."""
    return [line for line in state.splitlines() if not line.startswith("table ")]


def test_the_rules_die_with_the_supervisor(bed: Bed, new_agent) -> None:
    with new_agent() as agent:
        assert "notrack" in agent.rules()
        agent.kill()
        eventually(
            lambda: "notrack" not in agent.rules(), within=1, what="the kernel took the owned table away"
        )
        # kube-proxy answers for the ClusterIP although both addresses are still on the node, and the fall-back
        # for the node-local one.
        assert resolves(bed, V4.kube_dns)
        assert resolves(bed, V4.local)
    with new_agent():
        pass  # the next one cleans up


def test_a_killed_worker_is_replaced(bed: Bed, new_agent) -> None:
    with new_agent() as agent:
        (worker,) = agent.children()
        os.kill(worker, signal.SIGKILL)
        eventually(
            lambda: resolves(bed) and agent.children() not in ([], [worker]), what="the next worker answers"
        )
        assert agent.running()


def test_sigterm_under_load_ends_cleanly_within_the_grace_period(bed: Bed, new_agent) -> None:
    names = [f"load-{index}.shop.svc.cluster.local" for index in range(100, 400)]
    before = bed.network_state()
    with new_agent() as agent, Load(bed.pod1, V4.kube_dns, names, rate=200) as load:
        eventually(lambda: load.sent > 50, what="load")
        agent.stop(within=15)
        eventually(lambda: resolves(bed, V4.kube_dns), what="kube-proxy has taken over")
    assert bed.network_state() == before
    # Before the agent left, while it left, and after: the ClusterIP was served all the time.
    assert load.lost == []


def test_a_second_sigint_ends_at_once(bed: Bed, new_agent, silent_server: str) -> None:
    before = bed.network_state()
    stub = {"stubDomains": json.dumps({"silent.example.net": [silent_server]})}
    with (
        new_agent(config_map=stub) as agent,
        Load(bed.pod1, V4.local, ["a.silent.example.net"], rate=20) as load,
    ):
        eventually(lambda: load.sent > 3, what="questions that wait for their answers")
        # The first one lets the worker wait for them.
        agent.send(signal.SIGINT)
        agent.wait_log("SIGINT: Shutting down")
        agent.send(signal.SIGINT)
        assert agent.wait(2) == 2
    assert bed.network_state() == before


def test_while_lame_it_keeps_answering(bed: Bed, new_agent) -> None:
    template = for_addresses(manifest_template(), [V4.local, V4.kube_dns])
    health = f"health {V4.local}:8080"
    lame = template.replace(health, f"{health} {{\n        lameduck 2s\n    }}")
    with new_agent(template=lame) as agent:
        printed = len(agent.log)
        agent.send(signal.SIGTERM)
        agent.wait_log("Going into lameduck mode for 2s", start=printed)
        assert resolves(bed)
        assert agent.get("/health", 8080) == (200, "OK")
        assert agent.wait(15) == 0


def test_machines_get_a_log_of_objects(new_agent) -> None:
    """Of both processes, with time stamps."""
    agent = new_agent(flags={"log-format": "json"})
    agent.start()
    eventually(lambda: '"message":"Serving"' in agent.log, within=10, what="serving")
    for line in agent.log.splitlines():
        entry = json.loads(line)
        assert set(entry) == {"time", "level", "message"}
        assert entry["level"] in ("debug", "info", "warning", "error", "fatal")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry["time"])

def test_the_supervisor_shows_its_own_numbers_while_the_worker_hangs(new_agent) -> None:
    with new_agent() as agent:
        (worker,) = agent.children()
        os.kill(worker, signal.SIGSTOP)
        shown = agent.metrics(9353)
        assert "coredns_plugin_enabled" not in shown.names, "the worker's"
        assert "nodelocal_worker_up" in shown.names
        eventually(lambda: agent.children() not in ([], [worker]), what="another worker")
        eventually(lambda: "coredns_plugin_enabled" in agent.metrics(9353).names, what="its numbers")
