"""An upstream that never answers is the trouble of those who ask for its names, and of nobody else."""

import json
import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor

import dns.exception

from test_streams import SERVICE, framed_query, read_answers
from testbed import Agent, Bed, eventually
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


def ask_and_lose_the_worker(bed: Bed, agent: Agent, name: str, number: signal.Signals) -> Future:
    """The answer, to be, of a question that waits for upstream while its worker ends."""

    def misses() -> float:
        return agent.metrics().value("coredns_cache_misses_total", zones=f"{SILENT_DOMAIN}.")

    (dead,) = agent.children()
    with ThreadPoolExecutor() as asking:
        answer = asking.submit(bed.pod1.ask, name, timeout=6)
        eventually(lambda: misses() == 1, what="the question waits")
        os.kill(dead, number)
        eventually(lambda: agent.children() not in ([], [dead]), what="the next worker")
    return answer


def test_what_waits_outlives_a_worker_that_is_killed(bed: Bed, new_agent, silent_server: str) -> None:
    """A question that was read is answered, by whoever comes next; the asker asks once."""
    with new_agent(config_map={"stubDomains": json.dumps({SILENT_DOMAIN: [silent_server]})}) as agent:
        answer = ask_and_lose_the_worker(bed, agent, f"c.{SILENT_DOMAIN}", signal.SIGKILL)
        assert rcode(answer.result()) == "SERVFAIL"
        # What else was read in that moment, such as a probe, counts too.
        assert agent.metrics().value("nodelocal_questions_taken_over_total") >= 1


def test_what_waits_ends_with_a_worker_that_crashes(bed: Bed, new_agent, silent_server: str) -> None:
    """It may be what the worker crashed of."""
    with new_agent(config_map={"stubDomains": json.dumps({SILENT_DOMAIN: [silent_server]})}) as agent:
        answer = ask_and_lose_the_worker(bed, agent, f"d.{SILENT_DOMAIN}", signal.SIGABRT)
        assert isinstance(answer.exception(), dns.exception.Timeout)
        assert agent.metrics().value("nodelocal_questions_taken_over_total") == 0
        assert addresses(bed.pod1.ask(SERVICE)) == {"10.96.0.1"}
