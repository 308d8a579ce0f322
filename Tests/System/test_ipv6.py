"""A node with IPv6 alone, and one with both families in one process."""

import json

import pytest

from testbed import Bed, eventually
from testbed.addresses import STUB_DOMAIN, V4, V6
from testbed.agent import for_addresses, manifest_template
from testbed.client import addresses

SERVICE = "kubernetes.default.svc.cluster.local"


@pytest.fixture
def v6_resolver(bed: Bed):
    bed.node.set_resolv_conf(V6.resolver)
    yield
    bed.node.set_resolv_conf(V4.resolver)


def test_a_node_with_ipv6_alone(bed: Bed, new_agent, v6_resolver: None) -> None:
    before = bed.network_state()
    with new_agent(addresses=(V6.local, V6.kube_dns), upstream=V6.upstream) as agent:
        for client in (bed.pod1, bed.host):
            for server in (V6.local, V6.kube_dns):
                for tcp in (False, True):
                    assert addresses(client.ask(SERVICE, "AAAA", server, tcp=tcp)) == {"fd00:96::1"}
        assert addresses(bed.pod1.ask("www.example.org", "AAAA", V6.local)) == {"2001:db8:80::80"}
        assert {one.server for one in bed.at_outside.asked("www.example.org")} >= {V6.resolver}
        for server in (V6.local, V6.kube_dns):
            assert bed.node.conntrack("--orig-dst", server) == []
        assert agent.get("/health", 8080, V6.local) == (200, "OK")
    assert bed.network_state() == before


def test_both_families_in_one_process(bed: Bed, new_agent) -> None:
    everything = (V4.local, V4.kube_dns, V6.local, V6.kube_dns)
    stub = {"stubDomains": json.dumps({STUB_DOMAIN: [f"[{V6.stub}]:53"]})}
    with new_agent(addresses=everything, config_map=stub):
        for server in everything:
            for tcp in (False, True):
                assert addresses(bed.pod2.ask(SERVICE, "A", server, tcp=tcp)) == {"10.96.0.1"}
                assert addresses(bed.pod2.ask(f"app.{STUB_DOMAIN}", "A", server, tcp=tcp)) == {"192.0.2.90"}
        for server in everything:
            assert bed.node.conntrack("--orig-dst", server) == []


def test_an_ipv6_address_comes_back(bed: Bed, new_agent) -> None:
    with new_agent(addresses=(V6.local, V6.kube_dns), upstream=V6.upstream):
        (line,) = [one for one in bed.node.ip("-o", "address").splitlines() if f" {V6.local}/" in one]
        bed.node.ip("address", "del", f"{V6.local}/128", "dev", line.split()[1])
        eventually(
            lambda: f" {V6.local}/" in bed.node.ip("-o", "address"), within=1, what="the address is back"
        )


def test_probes_on_every_address_of_both_families(bed: Bed, new_agent) -> None:
    """`[::]` means IPv4 as well, as with Go's listeners; what is counted of a client tells its family."""
    everything = (V4.local, V4.kube_dns, V6.local, V6.kube_dns)
    template = for_addresses(manifest_template(), list(everything))
    template = template.replace(f"health {V4.local}:8080", "health [::]:8080")
    template = template.replace("prometheus :9253", "prometheus [::]:9253")
    flags = {"metrics-listen-address": "[::]:9353"}
    with new_agent(addresses=everything, template=template, flags=flags) as agent:
        for server in everything:
            assert addresses(bed.pod1.ask(SERVICE, "A", server)) == {"10.96.0.1"}
        for server in (V4.local, V6.local):
            assert agent.get("/health", 8080, server) == (200, "OK")
            for port in (9253, 9353):
                status, text = agent.get("/metrics", port, server)
                assert status == 200
                for family, address in (("1", V4.local), ("2", f"[{V6.local}]")):
                    series = (
                        f'coredns_dns_requests_total{{family="{family}",proto="udp",server="dns://{address}:53",'
                    )
                    assert series in text
