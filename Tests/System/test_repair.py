"""Somebody else changes the node's network: the agent puts it right within a second."""

import pytest

from testbed import Agent, Bed, eventually
from testbed.addresses import V4
from testbed.client import addresses

pytestmark = pytest.mark.usefixtures("real_time_priority")

SOON = 1.0


def link_of(bed: Bed, address: str) -> str | None:
    for line in bed.node.ip("-o", "address").splitlines():
        if f" {address}/" in line:
            return line.split()[1]
    return None


@pytest.mark.parametrize("address", [V4.local, V4.kube_dns])
def test_an_address_is_removed(bed: Bed, agent: Agent, address: str) -> None:
    link = link_of(bed, address)
    assert link
    bed.node.ip("address", "del", f"{address}/32", "dev", link)
    eventually(lambda: link_of(bed, address) == link, within=SOON, what="the address is back")
    assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local", server=address))


def test_all_rules_are_flushed(bed: Bed, agent: Agent) -> None:
    form, bed.kube_proxy = bed.kube_proxy, ""
    bed.node.run("nft", "flush", "ruleset", check=False)
    bed.use_kube_proxy(form)
    eventually(lambda: "notrack" in agent.rules() and bed.fallback(), within=SOON, what="the rules are back")
    bed.pod1.ask("kubernetes.default.svc.cluster.local")
    assert bed.node.conntrack("--orig-dst", V4.local) == []


def test_our_tables_are_deleted_one_by_one(bed: Bed, agent: Agent) -> None:
    before, fallback = agent.rules(), bed.fallback()
    assert fallback == ["ip nodelocaldns-fallback"]
    for table in bed.tables():
        # Where the table has an owner the kernel refuses, which is as good.
        bed.node.run("nft", "delete", "table", *table.split(), check=False)
    eventually(
        lambda: agent.rules() == before and bed.fallback() == fallback,
        within=SOON,
        what="the rules are as before",
    )
