"""Names of the cluster, asked from pods and from the node itself."""

import pytest

from testbed import Agent, Bed
from testbed.addresses import V4, V6
from testbed.client import addresses, flags, rcode, values

pytestmark = pytest.mark.usefixtures("agent")


@pytest.mark.parametrize("server", [V4.local, V4.kube_dns])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("place", ["pod1", "pod2", "host"])
def test_a_service_resolves_from(bed: Bed, place: str, transport: str, server: str) -> None:
    client = getattr(bed, place)
    answer = client.ask("kubernetes.default.svc.cluster.local", "A", server, tcp=transport == "tcp")
    assert addresses(answer) == {"10.96.0.1"}


WEB_V4 = {"10.244.1.20", "10.244.1.21", "10.244.1.22"}
WEB_V6 = {"fd00:244:1::20", "fd00:244:1::21", "fd00:244:1::22"}

RECORDS = [
    ("kubernetes.default.svc.cluster.local", "A", {"10.96.0.1"}),
    ("kubernetes.default.svc.cluster.local", "AAAA", {"fd00:96::1"}),
    ("web.shop.svc.cluster.local", "A", WEB_V4),
    ("web.shop.svc.cluster.local", "AAAA", WEB_V6),
    ("web-1.web.shop.svc.cluster.local", "A", {"10.244.1.21"}),
    ("10-244-0-11.default.pod.cluster.local", "A", {"10.244.0.11"}),
    ("fd00-244--11.default.pod.cluster.local", "AAAA", {"fd00:244::11"}),
    (
        "_dns._udp.kube-dns.kube-system.svc.cluster.local",
        "SRV",
        {"0 100 53 kube-dns.kube-system.svc.cluster.local."},
    ),
    (
        "_https._tcp.kubernetes.default.svc.cluster.local",
        "SRV",
        {"0 100 443 kubernetes.default.svc.cluster.local."},
    ),
    (
        "_http._tcp.web.shop.svc.cluster.local",
        "SRV",
        {f"0 33 8080 web-{index}.web.shop.svc.cluster.local." for index in range(3)},
    ),
    ("database.shop.svc.cluster.local", "CNAME", {"db.example.org."}),
    ("1.0.96.10.in-addr.arpa", "PTR", {"kubernetes.default.svc.cluster.local."}),
    ("21.1.244.10.in-addr.arpa", "PTR", {"web-1.web.shop.svc.cluster.local."}),
    (
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa",
        "PTR",
        {"kubernetes.default.svc.cluster.local."},
    ),
    ("dns-version.cluster.local", "TXT", {'"1.1.0"'}),
]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(("name", "kind", "expected"), RECORDS, ids=[f"{n}-{k}" for n, k, _ in RECORDS])
def test_every_kind_of_record(bed: Bed, name: str, kind: str, expected: set[str], transport: str) -> None:
    for _ in ("from upstream", "from the cache"):
        answer = bed.pod1.ask(name, kind, tcp=transport == "tcp")
        assert rcode(answer) == "NOERROR"
        assert values(answer, kind) == expected


def test_an_external_name_brings_its_target(bed: Bed) -> None:
    answer = bed.pod1.ask("database.shop.svc.cluster.local", "A")
    assert values(answer, "CNAME") == {"db.example.org."}
    assert addresses(answer) == {"192.0.2.77"}


def test_a_name_that_does_not_exist(bed: Bed) -> None:
    for _ in ("from upstream", "from the cache"):
        answer = bed.pod1.ask("nobody.shop.svc.cluster.local", "A")
        assert rcode(answer) == "NXDOMAIN"
        assert [str(group.name) for group in answer.authority] == ["cluster.local."]


def test_a_name_without_records_of_that_type(bed: Bed) -> None:
    for _ in ("from upstream", "from the cache"):
        answer = bed.pod1.ask("orders.shop.svc.cluster.local", "AAAA")
        assert rcode(answer) == "NOERROR"
        assert not answer.answer
        assert answer.authority


def test_a_set_too_large_for_a_datagram_is_cut_and_whole_over_tcp(bed: Bed) -> None:
    for _ in ("from upstream", "from the cache"):
        cut = bed.pod1.ask("crowd.shop.svc.cluster.local", "A")
        assert "tc" in flags(cut)
        assert len(cut.to_wire()) <= 512
    whole = bed.pod1.ask("crowd.shop.svc.cluster.local", "A", tcp=True)
    assert len(addresses(whole)) == 200


def test_the_question_comes_back_in_the_askers_spelling(bed: Bed) -> None:
    for spelling in ("WeB.sHoP.SVC.cluster.local.", "wEb.ShOp.svc.CLUSTER.local."):
        answer = bed.pod1.ask(spelling, "A")
        assert str(answer.question[0].name) == spelling
        assert addresses(answer) == WEB_V4


def test_a_node_with_both_families_answers_for_both(bed: Bed, agent: Agent) -> None:
    assert V6.local not in agent.addresses  # the questions of this module go over IPv4 only
    answer = bed.pod1.ask("web-2.web.shop.svc.cluster.local", "AAAA", V4.kube_dns)
    assert addresses(answer) == {"fd00:244:1::22"}
