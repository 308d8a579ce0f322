"""An upstream that never answers is the trouble of those who ask for its names, and of nobody else."""

import json

from test_streams import SERVICE, framed_query, read_answers
from testbed import Bed
from testbed.addresses import V4
from testbed.client import addresses, rcode

SILENT_DOMAIN = "silent.example.net"


def test_a_slow_question_does_not_hold_up_those_behind_it(bed: Bed, new_agent, silent_server: str) -> None:
    stub = {"stubDomains": json.dumps({SILENT_DOMAIN: [silent_server]})}
    with new_agent(config_map=stub):
        with bed.pod1.connect(V4.local) as connection:
            connection.sendall(framed_query(f"a.{SILENT_DOMAIN}", 1) + framed_query(SERVICE, 2))
            assert read_answers(connection, 1)[0].id == 2


def test_its_names_fail_before_the_askers_patience_ends(bed: Bed, new_agent, silent_server: str) -> None:
    stub = {"stubDomains": json.dumps({SILENT_DOMAIN: [silent_server]})}
    with new_agent(config_map=stub):
        answer = bed.pod1.ask(f"b.{SILENT_DOMAIN}", timeout=5)  # a stub resolver's own time-out
        assert rcode(answer) == "SERVFAIL"
        assert addresses(bed.pod1.ask(SERVICE)) == {"10.96.0.1"}
