"""The test bed: a node, two pods, cluster DNS on another node, and the world outside.

    pod1 ─cali1─┐                     ┌─eth0─ cluster   10.244.1.2/.3  nsd: cluster.local, reverse zones
    pod2 ─cali2─┤  node  192.168.50.10┤
                └──────────────────── └─eth1─ outside   192.0.2.53     nsd: example.org and the root
                                                        192.0.2.54     nsd: internal.example.org (stub)
                                                        192.0.2.55     nsd: example.org, other answers

The pods hang on Calico-like links: no address on the node's end, proxy ARP, one host route each. kube-proxy's
rules send the ClusterIPs 10.96.0.10 and 10.96.134.149 to the two end points. All of it in both IP families.
"""

import contextlib
import itertools
import os
import re
import shutil
import tempfile
from pathlib import Path

from . import kube_proxy, zones
from .addresses import STUB_DOMAIN, V4, V6
from .capture import Capture
from .client import Client
from .nameserver import Nameserver
from .namespace import Namespace
from .shell import run

PREFIX = "nodedns"
numbers = itertools.count(1)


class Bed:
    """Made on entry of a `with` statement, gone without a trace on exit, also after an error half-way."""

    def __enter__(self) -> "Bed":
        sweep()
        with contextlib.ExitStack() as building:
            self.building = building
            self.build()
            self.undo = building.pop_all()
        return self

    def __exit__(self, *reason: object) -> None:
        self.undo.close()

    def build(self) -> None:
        self.name = f"{PREFIX}-{os.getpid()}-{next(numbers)}"
        self.directory = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.building.callback(shutil.rmtree, self.directory, ignore_errors=True)
        self.directory.chmod(0o755)  # the worker is not root
        self.node = self.namespace("node")
        self.cluster = self.namespace("cluster")
        self.outside = self.namespace("outside")
        self.node.sysctl("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        self.link_node("eth0", self.cluster, V4.node, "192.168.50.20", 24)
        self.link_node("eth0", self.cluster, V6.node, "fd00:50::20", 64)
        self.link_node("eth1", self.outside, "192.168.60.10", "192.168.60.20", 24)
        self.link_node("eth1", self.outside, "fd00:60::10", "fd00:60::20", 64)
        self.node.ip("route", "add", "10.244.1.0/24", "via", "192.168.50.20")
        self.node.ip("route", "add", "fd00:244:1::/64", "via", "fd00:50::20")
        self.node.ip("route", "add", "default", "via", "192.168.60.20")
        self.node.ip("-6", "route", "add", "default", "via", "fd00:60::20")
        for namespace, gateway in ((self.cluster, "192.168.50.10"), (self.outside, "192.168.60.10")):
            namespace.ip("route", "add", "default", "via", gateway)
        for namespace, gateway in ((self.cluster, "fd00:50::10"), (self.outside, "fd00:60::10")):
            namespace.ip("-6", "route", "add", "default", "via", gateway)
        self.node.set_resolv_conf(V4.resolver)
        self.pods = tuple(self.pod(index) for index in range(2))
        self.serve()
        self.kube_proxy = ""
        self.use_kube_proxy("iptables-nft")
        self.pod1, self.pod2 = (Client(pod) for pod in self.pods)
        self.host = Client(self.node)

    def namespace(self, role: str) -> Namespace:
        made = Namespace(f"{self.name}-{role}")
        self.building.callback(made.remove)
        return made

    def link_node(self, link: str, other: Namespace, here: str, there: str, length: int) -> None:
        """Joins the node to another machine's namespace, and gives both ends an address."""
        if link not in self.node.ip("-o", "link"):
            self.node.ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", other.name)
            self.node.ip("link", "set", link, "up")
            other.ip("link", "set", "eth0", "up")
        self.node.ip("address", "add", f"{here}/{length}", "dev", link)
        other.ip("address", "add", f"{there}/{length}", "dev", "eth0")

    def pod(self, index: int) -> Namespace:
        pod, link = self.namespace(f"pod{index + 1}"), f"cali{index + 1}"
        self.node.ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", pod.name)
        self.node.ip("link", "set", link, "up")
        pod.ip("link", "set", "eth0", "up")
        self.node.sysctl(
            f"net.ipv4.conf.{link}.proxy_arp=1",
            f"net.ipv4.conf.{link}.rp_filter=1",
            f"net.ipv4.neigh.{link}.proxy_delay=0",
        )
        pod.ip("address", "add", f"{V4.pods[index]}/32", "dev", "eth0")
        pod.ip("route", "add", "169.254.1.1", "dev", "eth0", "scope", "link")
        pod.ip("route", "add", "default", "via", "169.254.1.1", "dev", "eth0")
        self.node.ip("route", "add", f"{V4.pods[index]}/32", "dev", link, "scope", "link")
        self.node.ip("address", "add", "fe80::1/64", "dev", link, "nodad")
        pod.ip("address", "add", f"{V6.pods[index]}/128", "dev", "eth0", "nodad")
        pod.ip("-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0")
        self.node.ip("-6", "route", "add", f"{V6.pods[index]}/128", "dev", link)
        return pod

    def serve(self) -> None:
        """Starts the four nameservers, and the captures that note what they are asked."""
        for namespace, addresses in (
            (self.cluster, [*V4.endpoints, *V6.endpoints]),
            (
                self.outside,
                [V4.resolver, V6.resolver, V4.stub, V6.stub, V4.other_resolver, V6.other_resolver],
            ),
        ):
            for address in addresses:
                length = 128 if ":" in address else 32
                namespace.ip("address", "add", f"{address}/{length}", "dev", "lo")
        self.cluster_dns = self.nameserver(
            "cluster-dns",
            self.cluster,
            [*V4.endpoints, *V6.endpoints],
            {
                "cluster.local": zones.cluster_local(),
                "in-addr.arpa": zones.reverse("in-addr.arpa"),
                "ip6.arpa": zones.reverse("ip6.arpa"),
                "example.org": zones.external_name_target(),
            },
        )
        self.resolver = self.nameserver(
            "resolver",
            self.outside,
            [V4.resolver, V6.resolver],
            {"example.org": zones.example_org("192.0.2.80", "192.0.2.99"), ".": zones.root()},
        )
        self.stub_serial = 1
        self.stub = self.nameserver(
            "stub", self.outside, [V4.stub, V6.stub], {STUB_DOMAIN: zones.stub({"app": "192.0.2.90"}, 1)}
        )
        self.other_resolver = self.nameserver(
            "other-resolver",
            self.outside,
            [V4.other_resolver, V6.other_resolver],
            {"example.org": zones.example_org("203.0.113.80", "203.0.113.99"), ".": zones.root()},
        )
        self.at_cluster_dns = self.capture(self.cluster)
        self.at_outside = self.capture(self.outside)

    def nameserver(
        self, name: str, namespace: Namespace, addresses: list[str], content: dict[str, str]
    ) -> Nameserver:
        server = Nameserver(namespace, self.directory / name, addresses, content)
        self.building.callback(server.stop)
        return server

    def capture(self, namespace: Namespace) -> Capture:
        made = Capture(namespace, "eth0")
        self.building.callback(made.stop)
        return made

    def set_stub_records(self, records: dict[str, str]) -> None:
        """ExternalDNS has written: the stub domain holds `records` from now on."""
        self.stub_serial += 1
        self.stub.change(STUB_DOMAIN, zones.stub(records, self.stub_serial), self.stub_serial)

    def use_kube_proxy(self, form: str) -> None:
        """Writes kube-proxy's rules in another of `kube_proxy.FORMS`, or in none with ""."""
        if form == self.kube_proxy:
            return
        for family in (V4, V6):
            if self.kube_proxy:
                kube_proxy.remove(self.node, family, self.kube_proxy)
            if form:
                kube_proxy.install(self.node, family, form)
        self.kube_proxy = form

    def tables(self) -> list[str]:
        """The tables of agents: `ip NAME` or `ip6 NAME`."""
        words = (line.split()[1:] for line in self.node.run("nft", "list", "tables").splitlines())
        return [f"{family} {name}" for family, name in words if name.startswith("nodelocaldns")]

    def fallback(self) -> list[str]:
        """Of these the ones that stay when an agent ends."""
        return [table for table in self.tables() if table.endswith("-fallback")]

    def network_state(self) -> str:
        """What a stop has to undo in the node: addresses, links and rules, without counters and fall-back."""
        links = [line.split(maxsplit=1)[1] for line in self.node.ip("-o", "address").splitlines()]
        names = [line.split(": ")[1] for line in self.node.ip("-o", "link").splitlines()]
        ruleset = self.node.run("nft", "-s", "list", "ruleset")
        rules = re.sub(r"^table \S+ nodelocaldns-fallback .*?^}\n", "", ruleset, flags=re.M | re.S)
        stable = [" ".join(line.split(" valid_lft")[0].split()) for line in links]
        return "\n".join([*sorted(stable), *sorted(names), rules])


def sweep() -> None:
    """Removes what test runs have left whose process is gone without having cleaned up."""
    for line in run("ip", "netns", "list").splitlines():
        if is_left_over(name := line.split()[0]):
            left = Namespace.__new__(Namespace)
            left.name = name
            left.remove()
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}-*"):
        if is_left_over(directory.name):
            shutil.rmtree(directory, ignore_errors=True)


def is_left_over(name: str) -> bool:
    """Whether the process that made something of this name has ended."""
    prefix, _, rest = name.partition("-")
    pid = rest.partition("-")[0]
    return prefix == PREFIX and pid.isdigit() and not Path(f"/proc/{pid}").exists()
