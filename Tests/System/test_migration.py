"""From node-cache to us on a live node, and back, as docs/migrate-from-node-cache.md tells it; everybody asks.

Some questions are lost, and the document says which. Nothing else may be.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed import Agent, Bed, eventually
from testbed.addresses import V4
from testbed.askers import Askers, Loss
from testbed.client import addresses
from testbed.node_cache import LINK, SKIP, NodeCache

ADDRESSES = (V4.local, V4.kube_dns)
OWN_LINK = {"interfacename": "nodelocaldns1", "skipteardown": "true"}
SAME_LINK = {"skipteardown": "true"}

# A processor that does other things answers late; a question is in somebody's hands for longer.
BUSY = 0.1


@pytest.fixture(params=["iptables-nft", "iptables-legacy"])
def node_cache(bed: Bed, binary: Path, request: pytest.FixtureRequest) -> Iterator[NodeCache]:
    """A node that has node-cache, and is left as it was."""
    bed.node.run(binary, "cleanup")
    with NodeCache(bed, ADDRESSES, V4.upstream, request.param) as running:
        yield running
    bed.node.run(binary, "cleanup")
    bed.node.run("nft", "delete", "table", "ip", "raw", check=False)


def settled(agent: Agent) -> None:
    """The agent is ready, which is when the kubelet ends the old pod."""
    eventually(lambda: agent.running() and agent.unreadiness() is None, within=20, what="ready")


def unexplained(losses: list[Loss], ended: float, left: float) -> list[Loss]:
    """Without what node-cache took with it."""
    return [loss for loss in losses if not ended - BUSY <= loss.sent <= left + BUSY]


@pytest.mark.parametrize("flags", [OWN_LINK, SAME_LINK], ids=["own-link", "same-link"])
def test_the_swap(bed: Bed, node_cache: NodeCache, new_agent, flags: dict[str, str]) -> None:
    with Askers(bed) as askers:
        agent = new_agent(flags=flags).start()
        settled(agent)
        askers.go_on(0.5)
        node_cache.check_rules()  # it is still there, and its minute is over
        ended = time.monotonic()
        node_cache.stop()
        left = time.monotonic()
        if flags is SAME_LINK:  # node-cache took it away; it is put back within a second
            eventually(lambda: f" {V4.local}/" in bed.node.ip("-o", "address"), within=1, what="the address")
            left = time.monotonic()
        askers.go_on(1.0)
    assert unexplained(askers.outcome.losses, ended, left) == [], str(askers.outcome)
    assert SKIP not in bed.node.run("iptables-save", "-t", "raw")
    for server in ADDRESSES:
        assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local", server=server))
    agent.stop()


def test_rules_that_come_back_are_removed_again(bed: Bed, node_cache: NodeCache, new_agent) -> None:
    """node-cache writes them once a minute while it lives, and when it is killed they stay."""
    with new_agent(flags=OWN_LINK | {"syncinterval": "1"}) as agent:
        node_cache.check_rules()
        if node_cache.iptables == "iptables-nft":
            eventually(lambda: SKIP not in bed.node.run("iptables-nft-save"), what="they are gone")
        else:  # nobody but iptables-legacy itself can take them away
            agent.wait_log("rules of node-cache are left")
            assert agent.log.count("rules of node-cache are left") <= 2, "once for each of its tables"


def test_an_agent_that_cannot_serve_leaves_it_to_the_fall_back(bed: Bed, new_agent, binary: Path) -> None:
    """A dead node-cache's rules, and a worker that dies again and again."""
    rule = ("PREROUTING", "-d", V4.local, "-p", "udp", "--dport", "53", "-j", "NOTRACK")
    bed.node.run("iptables-nft", "-t", "raw", "-A", *rule, "-m", "comment", "--comment", SKIP)
    agent = new_agent(wrapper=("setpriv", "--bounding-set=-setuid")).start()
    agent.wait_log("Removed a rule of node-cache", within=10)
    eventually(lambda: addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local", timeout=0.5)), what="DNS")
    agent.kill()
    bed.node.run(binary, "cleanup")
    bed.node.run("nft", "delete", "table", "ip", "raw", check=False)


def test_the_way_back(bed: Bed, new_agent, binary: Path) -> None:
    """The old manifest ends us first: the fall-back answers until node-cache is there, and is removed at last."""
    agent = new_agent(flags=OWN_LINK).start()
    settled(agent)
    with contextlib.ExitStack() as ending, Askers(bed, kinds=("udp", "tcp")) as askers:
        agent.stop()
        askers.go_on(0.5)
        began = time.monotonic()
        running = ending.enter_context(NodeCache(bed, ADDRESSES, V4.upstream))
        there = time.monotonic()
        askers.go_on(0.5)
        removed = bed.node.run(binary, "cleanup", "-interfacename=nodelocaldns1")
        askers.go_on(0.5)
        assert bed.tables() == [] and "nodelocaldns-fallback" in removed
        assert LINK in bed.node.ip("-o", "link"), "it is node-cache's"
        assert running.process.poll() is None
        assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local", server=V4.local))
    lost = [loss for loss in askers.outcome.losses if not began <= loss.sent <= there + BUSY]
    assert lost == [], str(askers.outcome)
    bed.node.run("nft", "delete", "table", "ip", "raw", check=False)
