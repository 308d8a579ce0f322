"""Each overlay of the manifests, rendered by kubectl and run: flags, Corefile and capabilities are the overlay's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed import Bed, Client, eventually
from testbed.addresses import V4, V6
from testbed.agent import MANIFEST
from testbed.client import addresses
from testbed.kustomize import agent_options, container, render

OVERLAYS = MANIFEST.parents[1] / "overlays"
SERVICE = "kubernetes.default.svc.cluster.local"


def options(overlay: str) -> dict:
    """With the teardown that an overlay leaves to the next agent: each test finds the node as it was."""
    found = agent_options(render(OVERLAYS / overlay))
    return found | {"flags": found["flags"] | {"skipteardown": "false"}}


def resolve(clients: list[Client], servers: tuple[str, ...]) -> None:
    for client in clients:
        for server in servers:
            for tcp in (False, True):
                assert addresses(client.ask(SERVICE, server=server, tcp=tcp)) == {"10.96.0.1"}, server
                assert addresses(client.ask("www.example.org", server=server, tcp=tcp)), server


@pytest.fixture
def v6_resolver(bed: Bed) -> Iterator[None]:
    bed.node.set_resolv_conf(V6.resolver)
    yield
    bed.node.set_resolv_conf(V4.resolver)


@pytest.mark.parametrize("form", ["iptables-nft", "nftables"])
def test_iptables(bed: Bed, new_agent, form: str) -> None:
    bed.use_kube_proxy(form)
    try:
        with new_agent(**options("iptables")) as agent:
            assert agent.addresses == (V4.local, V4.kube_dns)
            resolve([bed.pod1, bed.host], agent.addresses)
            assert agent.unreadiness() is None
            assert agent.get("/health", 8080) == (200, "OK")
    finally:
        bed.use_kube_proxy("iptables-nft")


def test_ipvs(bed: Bed, new_agent) -> None:
    with new_agent(**options("ipvs")) as agent:
        assert agent.addresses == (V4.local,)
        resolve([bed.pod1, bed.host], agent.addresses)
        # The ClusterIP is still kube-proxy's.
        bed.at_cluster_dns.clear()
        assert addresses(bed.pod1.ask("web.shop.svc.cluster.local", server=V4.kube_dns))
        assert [one.transport for one in bed.at_cluster_dns.asked("web.shop.svc.cluster.local")] == ["udp"]


def test_ipv6(bed: Bed, new_agent, v6_resolver: None) -> None:
    with new_agent(**options("ipv6"), upstream=V6.upstream) as agent:
        assert agent.addresses == (V6.local, V6.kube_dns)
        resolve([bed.pod1, bed.host], agent.addresses)
        for port, path in ((8080, "/health"), (8181, "/ready"), (9253, "/metrics"), (9353, "/metrics")):
            assert agent.get(path, port, V6.local)[0] == 200, port


def test_dual_stack(bed: Bed, new_agent) -> None:
    with new_agent(**options("dual-stack")) as agent:
        assert agent.addresses == (V4.local, V4.kube_dns, V6.local, V6.kube_dns)
        resolve([bed.pod1, bed.host], agent.addresses)
        assert agent.get("/health", 8080) == (200, "OK")


def test_unprivileged(bed: Bed, new_agent, binary: Path) -> None:
    """Without NET_ADMIN, at an address that somebody else made; and a node that stays as it was."""
    bed.node.run(binary, "cleanup")  # a fall-back would answer in its place
    bed.node.ip("address", "add", f"{V4.local}/32", "dev", "lo")
    prepared = bed.network_state()
    try:
        with new_agent(**options("unprivileged")) as agent:
            assert agent.addresses == (V4.local,)
            resolve([bed.pod1, bed.host], agent.addresses)
            assert agent.unreadiness() is None
            assert bed.network_state() == prepared and bed.tables() == []
    finally:
        bed.node.ip("address", "del", f"{V4.local}/32", "dev", "lo")


def test_cilium(bed: Bed, new_agent) -> None:
    """In the network of a pod, asked at the pod's addresses: the redirect itself is Cilium's."""
    chosen = options("cilium")
    assert chosen.pop("addresses") == ("::", "0.0.0.0")
    bed.pods[1].set_resolv_conf(V4.resolver)  # as `dnsPolicy: Default` has it
    agent = new_agent(**chosen, addresses=("::", "0.0.0.0"), namespace=bed.pods[1]).start()
    pod = (V4.pods[1], V6.pods[1])
    eventually(lambda: agent.unreadiness() is None, within=10, what="ready")
    resolve([bed.pod1, bed.pod2, bed.host], pod)
    health = container(render(OVERLAYS / "cilium"))["livenessProbe"]["httpGet"]
    for address in pod:
        assert Client(bed.node).get(health["path"], address, health["port"]) == (200, "OK")
    assert bed.tables() == [] and "Serving" in agent.log
    agent.send(15)
    agent.wait_log("Answering as before for 5s")
    assert agent.unreadiness() == "leaving"
    resolve([bed.pod1], pod)
    assert agent.wait(10) == 0
