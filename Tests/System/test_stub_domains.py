"""A stub domain whose records change while we run, as ExternalDNS changes them."""

import json

from testbed import Bed, eventually
from testbed.addresses import STUB_DOMAIN, V4
from testbed.client import addresses, rcode

STUB_MAP = {"stubDomains": json.dumps({STUB_DOMAIN: [V4.stub]})}


def test_a_record_created_after_its_denial_is_seen_once_the_denial_is_over(bed: Bed, new_agent) -> None:
    name = f"late.{STUB_DOMAIN}"
    with new_agent(config_map=STUB_MAP):
        assert addresses(bed.pod1.ask(f"app.{STUB_DOMAIN}")) == {"192.0.2.90"}
        denial = bed.pod1.ask(name)
        assert rcode(denial) == "NXDOMAIN"
        lifetime = denial.authority[0].ttl
        assert lifetime == 5

        bed.set_stub_records({"app": "192.0.2.90", "late": "192.0.2.91"})
        found = eventually(lambda: addresses(bed.pod1.ask(name)), within=lifetime + 3, what="the new record")
        assert found == {"192.0.2.91"}
        # The denial was believed while it lived: asked once for it, once for the record.
        assert len(bed.at_outside.asked(name)) == 2
    bed.set_stub_records({"app": "192.0.2.90"})


def test_a_stub_domain_does_not_catch_its_neighbours(bed: Bed, new_agent) -> None:
    with new_agent(config_map=STUB_MAP):
        assert addresses(bed.pod1.ask("www.example.org")) == {"192.0.2.80"}
        assert addresses(bed.pod1.ask("notinternal.example.org")) == {"192.0.2.99"}
