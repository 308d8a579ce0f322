"""Where questions go, how, and how seldom."""

import threading

import pytest

from testbed import Agent, Bed, eventually
from testbed.addresses import V4
from testbed.client import addresses, rcode, ttl

pytestmark = pytest.mark.usefixtures("agent")


def test_misses_of_the_cluster_go_over_tcp_to_the_upstream_service(bed: Bed) -> None:
    assert addresses(bed.pod1.ask("load-1.shop.svc.cluster.local"))
    assert [one.transport for one in bed.at_cluster_dns.asked("load-1.shop.svc.cluster.local")] == ["tcp"]
    # Through the Service, so that kube-proxy chooses the pod.
    assert bed.node.conntrack("-p", "tcp", "--orig-dst", V4.upstream)


def test_other_names_go_to_the_servers_of_resolv_conf(bed: Bed) -> None:
    bed.at_outside.clear()
    bed.at_cluster_dns.clear()
    assert addresses(bed.pod1.ask("www.example.org")) == {"192.0.2.80"}
    assert [one.server for one in bed.at_outside.asked("www.example.org")] == [V4.resolver]
    assert bed.at_cluster_dns.asked("www.example.org") == []


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_other_names_are_asked_as_the_client_asked(bed: Bed, transport: str) -> None:
    name = f"by-{transport}.example.org"
    assert addresses(bed.pod1.ask(name, tcp=transport == "tcp")) == {"192.0.2.99"}
    assert {one.transport for one in bed.at_outside.asked(name)} == {transport}


def test_the_second_answer_comes_from_the_cache_with_an_aged_ttl(bed: Bed) -> None:
    name = "load-2.shop.svc.cluster.local"
    first = bed.pod1.ask(name)
    assert ttl(first) == 30

    aged = eventually(
        lambda: (again := bed.pod2.ask(name)) and ttl(again) < 30 and again, what="the TTL ages"
    )
    assert addresses(aged) == addresses(first)
    assert len(bed.at_cluster_dns.asked(name)) == 1


def test_both_addresses_and_both_transports_share_one_cache(bed: Bed) -> None:
    name = "load-3.shop.svc.cluster.local"
    for server in (V4.local, V4.kube_dns):
        for tcp in (False, True):
            assert addresses(bed.pod1.ask(name, server=server, tcp=tcp)) == {"10.97.0.4"}
    assert len(bed.at_cluster_dns.asked(name)) == 1


def test_long_lives_are_capped_and_short_ones_kept(bed: Bed) -> None:
    assert ttl(bed.pod1.ask("capped.example.org")) == 30  # 300 at the resolver, `cache 30` here
    assert ttl(bed.pod1.ask("brief.shop.svc.cluster.local")) == 5


def test_simultaneous_askers_cause_one_question(bed: Bed) -> None:
    name = "load-4.shop.svc.cluster.local"
    answers = []
    askers = [threading.Thread(target=lambda: answers.append(bed.pod1.ask(name))) for _ in range(30)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert [addresses(answer) for answer in answers] == [{"10.97.0.5"}] * 30
    assert len(bed.at_cluster_dns.asked(name)) == 1


def test_dns_leaves_no_connection_tracking_entry(bed: Bed) -> None:
    for client in (bed.pod1, bed.host):
        for server in (V4.local, V4.kube_dns):
            for tcp in (False, True):
                client.ask("kubernetes.default.svc.cluster.local", server=server, tcp=tcp)
    for server in (V4.local, V4.kube_dns):
        assert bed.node.conntrack("--orig-dst", server) == []
        assert bed.node.conntrack("--orig-src", server) == []


def test_a_name_that_exists_nowhere(bed: Bed) -> None:
    assert rcode(bed.pod1.ask("no.such.name.invalid")) == "NXDOMAIN"


def test_pods_are_independent_of_a_silent_one(bed: Bed, agent: Agent) -> None:
    """A pod that opens connections and says nothing does not keep others from being answered."""
    silent = [bed.pod2.connect(V4.local) for _ in range(50)]
    try:
        assert addresses(bed.pod1.ask("kubernetes.default.svc.cluster.local", tcp=True))
        assert agent.running()
    finally:
        for connection in silent:
            connection.close()
