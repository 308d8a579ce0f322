"""The same node under each form of kube-proxy's rules."""

import pytest

from testbed import Bed
from testbed.addresses import V4
from testbed.client import addresses
from testbed.kube_proxy import FORMS


@pytest.fixture(params=FORMS)
def form(bed: Bed, request: pytest.FixtureRequest):
    before = bed.kube_proxy
    bed.use_kube_proxy(request.param)
    yield request.param
    bed.use_kube_proxy(before)


def test_pods_and_host_resolve(bed: Bed, form: str, new_agent) -> None:
    with new_agent():
        for client in (bed.pod1, bed.host):
            for server in (V4.local, V4.kube_dns):
                for tcp in (False, True):
                    answer = client.ask("web.shop.svc.cluster.local", server=server, tcp=tcp)
                    assert len(addresses(answer)) == 3, (form, server, tcp)
        for server in (V4.local, V4.kube_dns):
            assert bed.node.conntrack("--orig-dst", server) == []


def test_after_the_agent_has_left_the_cluster_ip_is_kube_proxys_again(bed: Bed, form: str, new_agent) -> None:
    with new_agent():
        bed.pod1.ask("web.shop.svc.cluster.local", server=V4.kube_dns)
    for tcp in (False, True):
        assert addresses(bed.pod1.ask("web.shop.svc.cluster.local", server=V4.kube_dns, tcp=tcp)), form
