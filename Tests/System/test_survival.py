"""Something dies, hangs, is replaced or flushed while everybody asks: hardly anybody notices.

Sixteen askers, 100 questions a second each: from a pod and from the host, over UDP and TCP, at both addresses,
with fresh sockets and with fixed ones. One second of patience, no second try. `scripts/survival` measures at length,
with more than 100 000 questions for each way to replace an agent; its numbers are in docs/operations.md.
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed import Agent, Bed, eventually
from testbed.addresses import V4, V6
from testbed.kube_proxy import FORMS
from testbed.memory_limit import MemoryLimit
from testbed.thread import held, threads_named
from testbed.trial import ROWS, Trial, wait_replaced, wait_serving

pytestmark = pytest.mark.usefixtures("real_time_priority")


@pytest.fixture(params=FORMS)
def form(bed: Bed, request: pytest.FixtureRequest) -> Iterator[str]:
    before = bed.kube_proxy
    bed.use_kube_proxy(request.param)
    yield request.param
    bed.use_kube_proxy(before)


@pytest.fixture
def trial(bed: Bed, new_agent, request: pytest.FixtureRequest) -> Trial:
    return Trial(bed, new_agent, request.config.stash.get(ROWS, None))


# ---- Death


def worker(agent: Agent) -> int:
    (pid,) = agent.children()
    return pid


def kill_worker(agent: Agent, pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def kill_supervisor(agent: Agent, pid: int) -> None:
    agent.process.kill()


def kill_both(agent: Agent, pid: int) -> None:
    agent.process.kill()
    os.kill(pid, signal.SIGKILL)


def test_the_worker_is_killed(trial: Trial, form: str) -> None:
    """Its sockets live on, and what it had read: both is for the next one. Open TCP connections are not."""
    for _ in trial.rounds(short=1, measured=10):
        with trial.agent() as agent, trial.askers() as askers:
            trial.happens(kill_worker, agent, dead := worker(agent))
            askers.go_on(1)
            wait_replaced(agent, dead)
            assert agent.metrics(9353).value("nodelocal_worker_restarts_total") == 1
    trial.costs("the worker is killed", each=2, later=0, gap=150)


@pytest.mark.parametrize("death", [kill_supervisor, kill_both], ids=["supervisor", "both"])
def test_killed(trial: Trial, form: str, death) -> None:
    """The kernel takes the table away, and what comes then goes to cluster DNS."""
    for _ in trial.rounds(short=1, measured=10):
        with trial.agent() as agent, trial.askers() as askers:
            trial.happens(death, agent, worker(agent))
            askers.go_on(1)
            assert agent.rules() == ""
    name = "the supervisor is killed" if death is kill_supervisor else "both are killed"
    trial.costs(name, each=2, gap=50)


@pytest.mark.parametrize("form", ["nftables"], indirect=True)
def test_killed_ipv6(trial: Trial, form: str) -> None:
    addresses = (V6.local, V6.kube_dns)
    for _ in trial.rounds(short=1, measured=5):
        with trial.agent(addresses=addresses, upstream=V6.upstream) as agent, trial.askers(addresses) as askers:
            trial.happens(kill_both, agent, worker(agent))
            askers.go_on(1)
    trial.costs("both are killed, IPv6", each=2, gap=50)


@pytest.mark.parametrize("form", ["iptables-nft"], indirect=True)
def test_ten_deaths_in_ten_seconds(trial: Trial, form: str) -> None:
    """As when the kubelet starts it again at once."""
    for _ in trial.rounds(short=1, measured=3):
        agent = wait_serving(trial.agent().start())
        with trial.askers() as askers:
            for _ in range(10):
                askers.go_on(0.4)
                trial.happens(kill_both, agent, worker(agent))
                agent.process.wait(5)
                agent = wait_serving(trial.agent().start())
                askers.go_on(0.2)
        agent.stop()
    trial.costs("ten deaths in ten seconds, each with a new start", each=2, gap=50)


@pytest.mark.parametrize("form", ["nftables"], indirect=True)
def test_workers_that_die_at_once(trial: Trial, form: str) -> None:
    """A crash loop: while the next one is made to wait, cluster DNS answers."""
    for _ in trial.rounds(short=1, measured=3):
        with trial.agent() as agent, trial.askers() as askers:
            for _ in range(6):
                trial.happens(kill_worker, agent, dead := worker(agent))
                wait_replaced(agent, dead)
                askers.go_on(0.3)
            assert "the next one starts in" in agent.log
    trial.costs("six workers die, one after the other", each=2, gap=400)


@pytest.mark.parametrize("form", ["iptables-nft"], indirect=True)
def test_the_worker_is_out_of_memory(trial: Trial, form: str, bed: Bed) -> None:
    """A leak, as the kernel sees it: the worker may have no more memory, and is asked for a lot of names."""
    names = bed.directory / "many-names"
    names.write_text("".join(f"name-{number}.example.org A\n" for number in range(9000)))
    for _ in trial.rounds(short=1, measured=5):
        with MemoryLimit(bed.name) as limit, trial.agent() as agent, trial.askers() as askers:
            limit.set(1 << 20)
            limit.take(worker(agent))
            dead = worker(agent)
            trial.happens(bed.pods[1].run, "dnsperf", "-s", V4.local, "-d", names, "-Q", 4000, "-l", 1)
            wait_replaced(agent, dead)
            assert limit.kills == 1
            assert "The worker ended (signal 9)" in agent.log
            askers.go_on(1)
    # The kernel writes its report before the worker is gone: that is not in our hands.
    trial.costs("the worker is out of memory", each=200, gap=500)


def test_the_mounts_of_the_dead_wait(new_agent) -> None:
    """The kernel closes descriptors from the highest down, and takes down the mounts of a container's last process
    when nothing holds them: that has to come last, because it takes 50 to 300 ms on a busy machine."""
    with new_agent() as agent:
        for pid in (agent.pid, worker(agent)):
            opened = {int(link.name): os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()}
            (mounts,) = (number for number, what in opened.items() if what.startswith("mnt:"))
            sockets = [number for number, what in opened.items() if what.startswith("socket:") and number > 3]
            assert mounts < min(sockets), opened


# ---- Hanging


def test_the_worker_hangs(trial: Trial, form: str) -> None:
    """Its supervisor notices, turns traffic away, and replaces it."""
    for _ in trial.rounds(short=1, measured=5):
        with trial.agent() as agent, trial.askers() as askers:
            stopped = worker(agent)
            trial.happens(os.kill, stopped, signal.SIGSTOP)
            wait_replaced(agent, stopped)
            eventually(lambda agent=agent: "notrack" in agent.rules(), what="traffic is ours again")
            askers.go_on(1)
            assert agent.log.count("Traffic is not sent to this agent any more") == 1
    trial.costs("the worker hangs", whole_within=1.2)


@pytest.mark.parametrize("form", ["iptables-nft"], indirect=True)
def test_one_of_several_packet_threads_hangs(trial: Trial, form: str) -> None:
    """The supervisor's questions are dealt to the others too, and say nothing: the worker itself notices, and ends."""
    for _ in trial.rounds(short=1, measured=5):
        with trial.agent(flags={"threads": "2"}) as agent, trial.askers() as askers:
            sick = worker(agent)
            thread, *_ = threads_named(sick, "dns-udp-1")
            with held(thread):
                trial.moments.append(time.monotonic())
                wait_replaced(agent, sick)
            askers.go_on(1)
            assert agent.log.count("takes no questions any more") == 1
            assert agent.metrics(9353).value("coredns_panics_total") == 1
    trial.costs("one of several packet threads hangs", whole_within=1.2)


@pytest.mark.parametrize("form", ["iptables-nft"], indirect=True)
def test_the_supervisor_hangs(trial: Trial, form: str) -> None:
    """The worker needs nobody."""
    with trial.agent() as agent, trial.askers() as askers:
        trial.happens(agent.send, signal.SIGSTOP)
        askers.go_on(3)
        trial.happens(agent.send, signal.SIGCONT)
        askers.go_on(1)
        assert agent.children()
    trial.costs("the supervisor hangs for 3 s", each=0)


# ---- Replacing


def test_restart(trial: Trial, form: str) -> None:
    """In between, cluster DNS answers. The link stays, for the host's sockets that have our address as theirs."""
    flags = {"skipteardown": "true"}
    agent = wait_serving(trial.agent(flags=flags).start())
    with trial.askers() as askers:
        for _ in trial.enough(askers, short=3000, measured=34_000):
            trial.happens(agent.stop)
            askers.go_on(0.5)
            agent = trial.agent(flags=flags).start()
            trial.happens(wait_serving, agent)
            askers.go_on(1)
    agent.stop()
    with trial.agent():
        pass  # takes the link down
    trial.costs("restart", each=0)


def stop(agent: Agent) -> None:
    agent.stop()


def kill(agent: Agent) -> None:
    kill_both(agent, worker(agent))


@pytest.mark.parametrize("end", [stop, kill], ids=["drained", "killed"])
def test_upgrade(trial: Trial, form: str, end) -> None:
    """The new one starts beside the old one and takes over; then the old one has to go."""
    old = wait_serving(trial.agent().start())
    with trial.askers() as askers:
        for _ in trial.enough(askers, short=3000, measured=34_000):
            new = trial.agent().start()
            trial.happens(wait_serving, new)
            askers.go_on(0.3)
            trial.happens(end, old)
            askers.go_on(1)
            old = new
    old.stop()
    if end is stop:
        trial.costs("upgrade", each=0)
    else:
        trial.costs("upgrade, the old one is killed", each=2, gap=50)


# ---- Other people's tools


@pytest.mark.parametrize("form", ["nftables"], indirect=True)
def test_somebody_flushes_the_ruleset(trial: Trial, form: str, bed: Bed) -> None:
    """kube-proxy's rules go as well, and come back; ours never leave on a kernel that knows owners."""

    def flush() -> None:
        bed.node.run("nft", "flush", "ruleset", check=False)
        bed.kube_proxy = ""
        bed.use_kube_proxy(form)

    with trial.agent() as agent, trial.askers() as askers:
        for _ in trial.rounds(short=1, measured=10):
            trial.happens(flush)
            askers.go_on(1)
        eventually(lambda: bed.fallback() and "notrack" in agent.rules(), what="the tables are there")
        trial.happens(kill_both, agent, worker(agent))
        askers.go_on(1)
    trial.costs("`nft flush ruleset`, and in the end both are killed", each=2, gap=50)


@pytest.mark.parametrize("form", ["iptables-nft", "iptables-legacy"], indirect=True)
def test_somebody_flushes_iptables(trial: Trial, form: str, bed: Bed) -> None:
    with trial.agent(), trial.askers() as askers:
        for table in ("filter", "raw", "mangle"):
            trial.happens(bed.node.run, form, "-t", table, "-F")
            askers.go_on(0.5)
    # kube-proxy would write its filter rules anew.
    bed.use_kube_proxy("")
    bed.use_kube_proxy(form)
    trial.costs("`iptables -F`", each=0)


@pytest.mark.parametrize("form", ["iptables-legacy"], indirect=True)
def test_the_lock_of_iptables_is_held(trial: Trial, form: str, bed: Bed) -> None:
    """We need no lock: started, killed and started again while somebody has it. node-cache waits for it."""
    lock = bed.directory / "xtables.lock"
    Path("/run/xtables.lock").touch()
    wrapper = ("sh", "-c", f'mount --bind {lock} /run/xtables.lock && exec "$@"', "sh")
    with open(lock, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        agent = wait_serving(trial.agent(wrapper=wrapper).start(), within=5)
        with trial.askers() as askers:
            trial.happens(kill_both, agent, worker(agent))
            agent.process.wait(5)
            agent = wait_serving(trial.agent(wrapper=wrapper).start(), within=5)
            askers.go_on(60 if trial.is_measured else 1)  # the minute of the promise, where there is time
        agent.stop()
    trial.costs("xtables.lock is held, both are killed", each=2, gap=50)
