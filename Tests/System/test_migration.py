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


def settled(agent: Agent) -> float:
    """When the agent was ready, as the kubelet learns it before it ends the old pod."""
    eventually(lambda: agent.running() and agent.unreadiness() is None, within=20, what="ready")
    return time.monotonic()


def unexplained(losses: list[Loss], started: float, ready: float, ended: float, left: float) -> list[Loss]:
    """Without open connections while node-cache's rules give way to ours, and without what it took with it."""
    return [
        loss
        for loss in losses
        if not (" tcp" in loss.asker and started <= loss.sent <= ready + BUSY)
        and not (ended - BUSY <= loss.sent <= left + BUSY)
    ]


@pytest.mark.parametrize("flags", [OWN_LINK, SAME_LINK], ids=["own-link", "same-link"])
def test_the_swap(bed: Bed, new_agent, node_cache: NodeCache, flags: dict[str, str]) -> None:
    with Askers(bed) as askers:
        started = time.monotonic()
        agent = new_agent(flags=flags).start()
        ready = settled(agent)
        askers.go_on(0.5)
        node_cache.check_rules()  # it is still there, and its minute is over
        ended = time.monotonic()
        node_cache.stop()
        left = time.monotonic()
        if flags is SAME_LINK:  # node-cache took it away; it is put back within a second
            eventually(lambda: f" {V4.local}/" in bed.node.ip("-o", "address"), within=1, what="the address")
            left = time.monotonic()
        askers.go_on(1.0)
    assert unexplained(askers.outcome.losses, started, ready, ended, left) == [], str(askers.outcome)
    assert SKIP not in bed.node.run("iptables-save", "-t", "raw")
    for server in ADDRESSES:
        assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local", server=server))
    agent.stop()


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
