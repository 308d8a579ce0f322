"""Something dies or hangs under load: who asks at either address hardly notices.

The bounds are loose, because a busy machine answers late; docs/operations.md has measured numbers.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator

import pytest

from testbed import Agent, Bed, eventually
from testbed.addresses import V4
from testbed.client import addresses
from testbed.kube_proxy import FORMS
from testbed.load import Load

NAMES = [f"load-{index}.shop.svc.cluster.local" for index in range(500, 540)]
RATE = 25


@pytest.fixture(params=FORMS)
def form(bed: Bed, request: pytest.FixtureRequest) -> Iterator[str]:
    before = bed.kube_proxy
    bed.use_kube_proxy(request.param)
    yield request.param
    bed.use_kube_proxy(before)


class Loads:
    """Everybody asks: pod and host, over UDP and TCP, at both addresses."""

    def __init__(self, bed: Bed) -> None:
        self.all = {
            f"{place} {'tcp' if tcp else 'udp'} {server}": Load(client, server, NAMES, RATE, tcp)
            for place, client in (("pod", bed.pod1), ("host", bed.host))
            for tcp in (False, True)
            for server in (V4.local, V4.kube_dns)
        }

    def __enter__(self) -> "Loads":
        with contextlib.ExitStack() as stack:
            for load in self.all.values():
                stack.enter_context(load)
            self.stack = stack.pop_all()
        eventually(lambda: all(load.sent > 10 for load in self.all.values()), what="load")
        return self

    def __exit__(self, *reason: object) -> None:
        self.stack.close()

    @property
    def lost(self) -> dict[str, list[str]]:
        return {name: load.lost for name, load in self.all.items() if load.lost}

    @property
    def losses(self) -> int:
        return sum(map(len, self.lost.values()))

    def go_on(self, seconds: float) -> None:
        """What happens next to those who ask is what counts, so this is time, not an event."""
        time.sleep(seconds)


def worker(agent: Agent) -> int:
    (pid,) = agent.children()
    return pid


def kill_worker(agent: Agent) -> None:
    os.kill(worker(agent), signal.SIGKILL)


def kill_supervisor(agent: Agent) -> None:
    agent.process.kill()


def kill_both(agent: Agent) -> None:
    pid = worker(agent)
    agent.process.kill()
    os.kill(pid, signal.SIGKILL)


DEATHS = {"worker": kill_worker, "supervisor": kill_supervisor, "both": kill_both}


@pytest.mark.parametrize("death", DEATHS)
def test_killed(bed: Bed, form: str, new_agent, death: str) -> None:
    with new_agent() as agent, Loads(bed) as loads:
        DEATHS[death](agent)
        loads.go_on(1.5)
        killed_at_once = dict(loads.lost)
        if death == "worker":
            eventually(lambda: agent.metrics(9353).value("nodelocal_worker_up") == 1, what="the next one")
            assert agent.metrics(9353).value("nodelocal_worker_restarts_total") == 1
        else:
            agent.process.wait(5)
            eventually(lambda: agent.rules() == "", what="the kernel took the table away")
            assert addresses(bed.pod1.ask(NAMES[0], server=V4.local, timeout=0.2))
    # 25 a second from each of eight: a quarter second without an answer would cost 50.
    assert loads.losses <= 12, killed_at_once


def test_a_stopped_worker_is_out_of_the_path_and_replaced(bed: Bed, form: str, new_agent) -> None:
    with new_agent() as agent, Loads(bed) as loads:
        stopped = worker(agent)
        began = time.monotonic()
        os.kill(stopped, signal.SIGSTOP)
        agent.wait_log("Traffic is not sent to this agent any more", within=3)
        assert time.monotonic() - began < 1.5
        assert addresses(bed.pod1.ask(NAMES[0], server=V4.local, timeout=0.5))
        agent.wait_log("The worker hangs", within=3)
        eventually(lambda: agent.children() not in ([], [stopped]), what="the next worker")
        eventually(lambda: "notrack" in agent.rules(), what="traffic is ours again")
        before = loads.losses
        loads.go_on(1.5)
    assert loads.losses == before, loads.lost
    assert agent.log.count("Traffic is not sent to this agent any more") == 1
