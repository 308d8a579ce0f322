"""Two agents on one node and one address: the second takes over, the first leaves, and nobody notices."""

import contextlib
import os
import signal
from collections.abc import Callable

import dns.message
import dns.query
import pytest

from testbed import Agent, Bed, eventually
from testbed.addresses import V4
from testbed.askers import Askers
from test_life import occurrences, resolves

pytestmark = pytest.mark.usefixtures("real_time_priority")


@contextlib.contextmanager
def upgrade(bed: Bed, new_agent: Callable[..., Agent], flags: dict[str, str] | None = None):
    """An agent, and a second one beside it that has proved itself; with everybody asking."""
    with contextlib.ExitStack() as ending:
        old = ending.enter_context(new_agent(flags=flags))
        # They stop asking first: the last one takes the addresses away, which sockets of the host have as theirs.
        with Askers(bed) as askers:
            new = ending.enter_context(new_agent(flags=flags))
            yield old, new, askers


def test_the_second_takes_over_and_the_first_leaves_without_loss(bed: Bed, new_agent) -> None:
    before = bed.network_state()
    with upgrade(bed, new_agent) as (old, new, askers):
        own = set(bed.tables()) - set(bed.fallback())
        assert len(own) == 2  # one of each agent; the fall-back they share
        askers.go_on(0.5)
        old.stop()
        assert "Left interface to another agent on this node" in old.log
        assert occurrences(bed, V4.local) == 1
        askers.go_on(0.5)
        assert "notrack" in new.rules()
    assert askers.outcome.losses == []
    assert bed.network_state() == before


def test_an_upgrade_with_skipteardown(bed: Bed, new_agent) -> None:
    with upgrade(bed, new_agent, {"skipteardown": "true"}) as (old, new, askers):
        old.stop()
        assert occurrences(bed, V4.local) == 1
        askers.go_on(0.5)
    assert askers.outcome.losses == []
    with new_agent():  # tears down
        pass


def test_an_open_connection_is_served_until_it_has_its_answer(bed: Bed, new_agent) -> None:
    query = dns.message.make_query("cluster.local", "SOA")
    with new_agent() as agent, bed.pod1.connect(V4.local) as connection:
        assert dns.query.tcp(query, V4.local, timeout=2, sock=connection).answer
        agent.send(signal.SIGTERM)
        agent.wait_log("Keeping only open connections")
        assert dns.query.tcp(query, V4.local, timeout=2, sock=connection).answer
        # Behind this answer, or, when the worker had not heard of the end yet, after two seconds.
        connection.settimeout(5)
        assert connection.recv(1) == b""
        assert agent.wait(5) == 0


def test_who_cannot_serve_draws_no_traffic_from_who_can(bed: Bed, new_agent) -> None:
    """The worker of the next version dies again and again: its sockets get no share of what comes."""
    with new_agent() as old, Askers(bed) as askers:
        broken = new_agent(wrapper=("setpriv", "--bounding-set=-setuid"))
        broken.start()
        broken.wait_log("The worker ended", within=10)
        askers.go_on(1.0)
        assert resolves(bed)
        broken.send(signal.SIGKILL)
    assert askers.outcome.losses == []


def test_a_hanging_worker_beside_another_agent_takes_no_share_for_long(bed: Bed, new_agent) -> None:
    """Its agent leaves to the other one; or, when that has missed its own probes meanwhile, starts the next worker."""
    with upgrade(bed, new_agent) as (old, new, _):
        (worker,) = old.children()
        os.kill(worker, signal.SIGSTOP)
        left, replaced = "Another agent serves this node", "The worker hangs"
        eventually(lambda: left in old.log or replaced in old.log, within=5, what="the end of the worker")
        if left in old.log:
            assert old.wait(5) == 1
        eventually(lambda: all(resolves(bed) for _ in range(20)), within=5, what="all of it is answered")
