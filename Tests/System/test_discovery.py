"""Servers behind a name: `forward . dns+srv://…` follows the pods of a headless Service."""

import itertools
import re
import time

import pytest

from testbed import Bed, eventually, zones
from testbed.addresses import V4
from testbed.agent import for_addresses, manifest_template
from testbed.client import addresses
from testbed.nameserver import Nameserver

NAME = "_dns-tcp._tcp.pods.kube-system.svc.cluster.local"
NEW_POD = "10.244.1.4"
LIFE = 2  # seconds the records live

serials = itertools.count(100)
names = itertools.count()


def template(transport: str) -> str:
    """The manifest's, but cluster.local is asked at the pods themselves."""
    text = for_addresses(manifest_template(), [V4.local, V4.kube_dns])
    found = f"forward . dns+srv://{NAME} {{\n resolver __PILLAR__CLUSTER__DNS__\n {transport}"
    text, count = re.subn(r"forward \. __PILLAR__CLUSTER__DNS__ {\s+force_tcp", found, text, count=1)
    assert count == 1
    return text


def zone(serial: int, pods: list[str]) -> str:
    lines = [zones.cluster_local().replace(" 1 7200", f" {serial} 7200")]
    for pod in pods:
        host = pod.replace(".", "-")
        lines.append(f"_dns-tcp._tcp.pods.kube-system.svc {LIFE} SRV 0 100 53 {host}.pods.kube-system.svc")
        lines.append(f"{host}.pods.kube-system.svc {LIFE} A {pod}")
    return "\n".join(lines) + "\n"


def publish(bed: Bed, pods: list[str]) -> None:
    serial = next(serials)
    bed.cluster_dns.change("cluster.local", zone(serial, pods), serial)


@pytest.fixture
def new_pod(bed: Bed):
    bed.cluster.ip("address", "add", f"{NEW_POD}/32", "dev", "lo")
    directory = bed.directory / f"new-pod-{next(names)}"
    server = Nameserver(bed.cluster, directory, [NEW_POD], {"cluster.local": zones.cluster_local()})
    yield NEW_POD
    server.stop()
    bed.cluster.ip("address", "del", f"{NEW_POD}/32", "dev", "lo")
    bed.cluster.run("nft", "delete", "table", "ip", "dead", check=False)
    publish(bed, [])


def drop(bed: Bed, pod: str) -> None:
    """The pod is gone as a dead node's pods are: nobody answers, not even with a reset."""
    rules = (
        "table ip dead { chain gone { type filter hook prerouting priority -350;"
        f" ip daddr {pod} drop; }}; }}"
    )
    bed.cluster.run("nft", "-f", "-", stdin=rules)


@pytest.mark.parametrize("transport", ["force_tcp", "prefer_udp"])
def test_pods_that_come_and_die_are_followed(bed: Bed, new_agent, new_pod: str, transport: str) -> None:
    old = V4.endpoints[0]
    publish(bed, [old])

    def ask() -> str:
        """Asks for a name that no cache knows; whom the agent asked for it first."""
        name = f"unknown-{next(names)}.shop.svc.cluster.local"
        assert bed.pod1.ask(name, timeout=4).rcode() == 3
        return bed.at_cluster_dns.asked(name)[0].server

    with new_agent(template=template(transport)) as agent:
        agent.wait_log(f"{NAME}. leads to {old}:53")
        assert {ask() for _ in range(20)} == {old}

        start = time.monotonic()
        publish(bed, [old, new_pod])
        eventually(lambda: ask() == new_pod, within=LIFE + 1, what="the new pod is asked")
        print(f"new pod used after {time.monotonic() - start:.2f} s, records live {LIFE} s")
        eventually(lambda: {ask() for _ in range(40)} == {old, new_pod}, what="both are asked")
        assert agent.metrics().value("nodelocal_upstream_servers", name=f"{NAME}.") == 2

        drop(bed, new_pod)
        start = time.monotonic()
        slow: list[tuple[float, float]] = []
        while time.monotonic() - start < 4:
            asked = time.monotonic()
            bed.pod1.ask(f"unknown-{next(names)}.shop.svc.cluster.local", timeout=4)
            if time.monotonic() - asked > 0.2:
                slow.append((asked - start, time.monotonic() - asked))
            time.sleep(0.02)
        print(f"look-ups slower than 0.2 s (after, for): {[(round(a, 2), round(b, 2)) for a, b in slow]}")
        assert all(after + lasted < 1 for after, lasted in slow), slow
        assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local")) == {"10.96.0.1"}
