"""EDNS towards clients: our own size, their DO bit, nothing echoed, cut where it must be."""

import dns.edns
import dns.flags
import pytest

from testbed import Bed
from testbed.addresses import V4
from testbed.client import addresses, flags

pytestmark = pytest.mark.usefixtures("agent")

SERVICE = "kubernetes.default.svc.cluster.local"


def test_without_edns_none_comes_back(bed: Bed) -> None:
    for _ in ("from upstream", "from the cache"):
        assert bed.pod1.ask(SERVICE).edns == -1


@pytest.mark.parametrize("size", [0, 512, 1232, 4096, 65535])
def test_the_advertised_size_is_our_own(bed: Bed, size: int) -> None:
    assert bed.pod1.ask(SERVICE, use_edns=0, payload=size).payload == 1232


@pytest.mark.parametrize("wanted", [True, False])
def test_the_do_bit_is_kept(bed: Bed, wanted: bool) -> None:
    answer = bed.pod1.ask(SERVICE, use_edns=0, want_dnssec=wanted)
    assert bool(answer.ednsflags & dns.flags.DO) == wanted


def test_options_we_do_not_know_are_not_echoed(bed: Bed) -> None:
    options = [dns.edns.GenericOption(code, b"12345678") for code in (10, 12, 65001)]
    assert bed.pod1.ask(SERVICE, use_edns=0, options=options).options == ()


@pytest.mark.parametrize(
    ("size", "limit"), [(None, 512), (0, 512), (600, 600), (1232, 1232), (4096, 1232), (65535, 1232)]
)
def test_datagrams_are_cut_at_the_smaller_limit(bed: Bed, size: int | None, limit: int) -> None:
    options = {} if size is None else {"use_edns": 0, "payload": size}
    for name, kind in (("crowd.shop.svc.cluster.local", "A"), ("text.example.org", "TXT")):
        answer = bed.pod1.ask(name, kind, V4.kube_dns, **options)
        assert "tc" in flags(answer)
        assert len(answer.to_wire()) <= limit


def test_what_fits_is_whole(bed: Bed) -> None:
    answer = bed.pod1.ask("web.shop.svc.cluster.local", use_edns=0, payload=1232)
    assert "tc" not in flags(answer)
    assert len(addresses(answer)) == 3
