"""Whom the agent asks changes under it: loops, resolv.conf, an upstream Service that is made anew."""

import contextlib
import dataclasses
import itertools
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from testbed import Bed, eventually
from testbed.addresses import V4
from testbed.client import addresses
from testbed import kube_proxy, zones
from testbed.load import Load

fresh = itertools.count()


def fresh_name() -> str:
    """A name that no cache can know."""
    return f"fresh-{next(fresh)}.example.org"


# MARK: Loops

LOOPING = "127.0.0.60"


@contextlib.contextmanager
def forwarder(bed: Bed, directory: Path, to: str) -> Iterator[None]:
    """An unbound on the node that leads to `to`."""
    lines = [
        "server:",
        f"  interface: {LOOPING}",
        '  username: ""',
        '  chroot: ""',
        f'  directory: "{directory}"',
        f'  pidfile: "{directory}/unbound.pid"',
        "  use-syslog: no",
        "  log-replies: yes",
        "  do-not-query-localhost: no",
        '  module-config: "iterator"',
        "  access-control: 0.0.0.0/0 allow",
        "forward-zone:",
        '  name: "."',
        f"  forward-addr: {to}",
        "remote-control:",
        "  control-enable: no",
    ]
    (directory / "unbound.conf").write_text("\n".join(lines) + "\n")
    with open(directory / "unbound.log", "w") as log:
        process = bed.node.start(
            "unbound", "-d", "-c", directory / "unbound.conf", stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(5)


def test_an_upstream_that_leads_back_is_left_out_until_it_does_not(
    bed: Bed, new_agent, tmp_path: Path
) -> None:
    servers = f'["{LOOPING}", "{V4.resolver}"]'

    def looping() -> float:
        return agent.metrics().value("nodelocal_upstream_looping", to=f"{LOOPING}:53")

    with new_agent(config_map={"upstreamNameservers": servers}) as agent:
        with forwarder(bed, tmp_path, V4.local):
            # The first probes found nobody there; they are repeated every second.
            agent.wait_log(
                rf'plugin/loop: Loop .* detected for zone "\.".*Upstream {LOOPING}:53 leads back to us', within=5
            )
            for _ in range(20):
                assert addresses(bed.pod1.ask(fresh_name(), timeout=1)) == {"192.0.2.99"}
            assert looping() == 1
            assert agent.log.count("leads back to us") == 1
        with forwarder(bed, tmp_path, V4.resolver):
            agent.wait_log(f"Upstream {LOOPING}:53 does not lead back to us any more", within=12)
            assert looping() == 0
            assert addresses(bed.pod1.ask(fresh_name())) == {"192.0.2.99"}


def test_a_loop_that_arises_later_is_found(bed: Bed, new_agent, tmp_path: Path) -> None:
    with new_agent(config_map={"upstreamNameservers": f'["{LOOPING}"]'}) as agent:
        with forwarder(bed, tmp_path, V4.resolver):
            eventually(
                lambda: addresses(bed.pod1.ask(fresh_name())) == {"192.0.2.99"}, what="the forwarder answers"
            )
            # The agent's own question was answered without coming back: the forwarder was found clean.
            eventually(lambda: " HINFO IN " in (tmp_path / "unbound.log").read_text(), what="it was asked")
        with forwarder(bed, tmp_path, V4.local):
            with contextlib.suppress(Exception):
                bed.pod1.ask(fresh_name(), timeout=0.5)  # goes round
            agent.wait_log("plugin/loop: Loop", within=10)
            assert bed.pod1.ask(fresh_name(), timeout=1).rcode() == 2  # SERVFAIL, and at once


# MARK: resolv.conf


def test_a_changed_resolv_conf_is_followed_and_nothing_is_lost(bed: Bed, new_agent) -> None:
    names = [fresh_name() for _ in range(2000)]
    try:
        with new_agent():
            with Load(bed.pod1, V4.local, names, rate=50) as load:
                assert addresses(bed.pod2.ask(fresh_name())) == {"192.0.2.99"}
                bed.node.set_resolv_conf(V4.other_resolver)
                eventually(
                    lambda: addresses(bed.pod2.ask(fresh_name())) == {"203.0.113.99"},
                    within=5,
                    what="the new resolver is asked",
                )
            assert load.lost == [] and load.sent > 0
    finally:
        bed.node.set_resolv_conf(V4.resolver)


def test_our_own_address_in_resolv_conf_is_left_out(bed: Bed, new_agent) -> None:
    try:
        with new_agent() as agent:
            bed.node.set_resolv_conf(V4.local, V4.other_resolver)
            eventually(
                lambda: addresses(bed.pod2.ask(fresh_name())) == {"203.0.113.99"}, within=5, what="the other one"
            )
            agent.wait_log(rf"resolv.conf:1: nameserver {V4.local} is our own address, left out")
            # Nobody else in it: what was right stays.
            bed.node.set_resolv_conf(V4.local)
            agent.wait_log("no nameservers left: all of them are our own addresses")
            assert addresses(bed.pod2.ask(fresh_name())) == {"203.0.113.99"}
            assert agent.log.count("is our own address, left out") <= 2
    finally:
        bed.node.set_resolv_conf(V4.resolver)


# MARK: The upstream Service


@contextlib.contextmanager
def upstream_service_at(bed: Bed, address: str) -> Iterator[None]:
    """Somebody has made the Service anew: kube-proxy and cluster DNS know it at another ClusterIP."""
    family = dataclasses.replace(V4, upstream=address)

    def put(its: object, text: str, serial: int) -> None:
        kube_proxy.remove(bed.node, V4, bed.kube_proxy)
        kube_proxy.install(bed.node, its, bed.kube_proxy)
        bed.cluster_dns.change("cluster.local", text.replace(" 1 7200", f" {serial} 7200"), serial)

    put(family, zones.cluster_local().replace(V4.upstream, address), 2)
    try:
        yield
    finally:
        put(V4, zones.cluster_local(), 3)
        bed.node.run("conntrack", "-D", "--orig-dst", address, check=False)


def test_an_upstream_service_that_is_made_anew_is_followed(bed: Bed, new_agent) -> None:
    new = "10.96.200.1"
    numbers = itertools.count(500)

    def answers() -> bool:
        name = f"load-{next(numbers)}.shop.svc.cluster.local"
        return bool(addresses(bed.pod1.ask(name, timeout=0.5)))

    with new_agent() as agent:
        assert answers()
        start = time.monotonic()
        with upstream_service_at(bed, new):
            # Connections to the old address would live on for a while; the hard case is that they do not.
            bed.node.run("conntrack", "-D", "--orig-dst", V4.upstream, check=False)
            agent.wait_log(f"Upstream service .* has moved from {V4.upstream}.* to {new}", within=10)
            eventually(lambda: f"forward . {new}" in agent.corefile.read_text(), what="the template follows")
            eventually(answers, within=10, what="cluster names are answered")
            print(f"followed within {time.monotonic() - start:.1f} s")
            table = bed.node.run("nft", "list", "table", "ip", "nodelocaldns-fallback")
            assert new in table and V4.upstream not in table
            assert agent.metrics(9353).value("nodelocal_upstream_service_changes_total") >= 1
            assert agent.running()
