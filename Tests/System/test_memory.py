"""What the agent makes of a memory limit: in a control group of its own, as in a container.

With `--measure` also for the larger limits of docs/operations.md, whose table comes from the lines printed here.
"""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.rcode
import pytest

from testbed import Agent, Bed
from testbed.addresses import V4
from testbed.agent import process_status
from testbed.flood import Flood
from testbed.load import Load
from testbed.memory_limit import MemoryLimit
from testbed.nameserver import Nameserver

SMALLEST = 64  # MiB
LARGER = [128, 256]
NAMES = 1_000_000
TIME = 90.0  # seconds: as many of them as a busy machine does
UPSTREAM = "127.0.0.53"
HIT = "kubernetes.default.svc.cluster.local"
# More answers than there is memory for: what bounds them is the budget.
TEMPLATE = f"""\
cluster.local:53 {{
    cache
    bind {V4.local}
    forward . __PILLAR__CLUSTER__DNS__ {{
        force_tcp
    }}
    prometheus :9253
}}
.:53 {{
    errors
    cache {{
        success 1000000
        denial 1000000
    }}
    bind {V4.local}
    forward . {UPSTREAM} {{
        TRANSPORT
    }}
    prometheus :9253
}}
"""
WILDCARD = """\
$ORIGIN .
$TTL 3600
@ SOA ns. hostmaster. 1 7200 1800 86400 5
@ NS ns.
ns. A 127.0.0.53
*.example.net. A 192.0.2.1
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "mebibytes" in metafunc.fixturenames:
        metafunc.parametrize("mebibytes", [SMALLEST, *(LARGER if metafunc.config.getoption("--measure") else [])])


@pytest.fixture(autouse=True)
def ahead_of_others() -> Iterator[None]:
    """What is judged is memory, however busy this machine is. Agent, upstream and flood share what there is."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, -15)
    yield
    os.setpriority(os.PRIO_PROCESS, 0, before)


@pytest.fixture
def limit(bed: Bed, mebibytes: int) -> Iterator[MemoryLimit]:
    with MemoryLimit(bed.name) as made:
        made.set(mebibytes << 20)
        yield made


@pytest.fixture
def tell(mebibytes: int, limit: MemoryLimit, capsys: pytest.CaptureFixture) -> Callable[[Agent, str], None]:
    """Prints what an agent has in memory now."""

    def say(agent: Agent, when: str) -> None:
        (worker,) = agent.children()
        sizes = [process_status(pid) for pid in (agent.pid, worker)]
        # What a worker reads into is a file of the supervisor's.
        kinds = ("RssAnon", "RssShmem")
        own = [sum(int(status[kind].split()[0]) for kind in kinds) / 1024 for status in sizes]
        with capsys.disabled():
            print(
                f"\n| {mebibytes} MiB | {when} | {own[0]:.1f} | {own[1]:.1f} | {limit.peak / 2**20:.0f} |",
                end="", flush=True,
            )  # fmt: skip

    return say


@pytest.fixture
def start(bed: Bed, binary: Path, limit: MemoryLimit, new_agent) -> Callable[..., Agent]:
    bed.node.run(binary, "cleanup")  # traffic is ours, however late an answer is

    def started(transport: str = "prefer_udp", **flags: str) -> Agent:
        agent = new_agent(
            template=TEMPLATE.replace("TRANSPORT", transport),
            addresses=(V4.local,),
            wrapper=limit.wrapper,
            flags={"setupiptables": "false", **flags},
        )
        return agent.start().wait_ready()

    return started


@pytest.fixture
def silent(bed: Bed) -> Iterator[None]:
    """An upstream that takes questions and says nothing."""
    with (
        bed.node.open_socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        bed.node.open_socket(socket.AF_INET, socket.SOCK_STREAM) as connections,
    ):
        for one in (datagrams, connections):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((UPSTREAM, 53))
        connections.listen(1024)
        yield


@pytest.fixture
def knowing(bed: Bed) -> Iterator[None]:
    """An upstream that knows every name."""
    directory = bed.directory / f"knowing-{len(list(bed.directory.glob('knowing-*')))}"
    server = Nameserver(bed.node, directory, [UPSTREAM], {".": WILDCARD})
    yield
    server.stop()


def test_the_cache_is_bounded_by_the_group(
    start: Callable[..., Agent], limit: MemoryLimit, mebibytes: int, tell: Callable[..., None]
) -> None:
    agent = start()
    tell(agent, "just started")
    for port in (9253, 9353):
        assert agent.metrics(port).value("nodelocal_memory_limit_bytes") == mebibytes << 20
    assert agent.metrics().value("nodelocal_cache_budget_bytes") == (mebibytes << 20) / 8 * 3
    twice = 2 * mebibytes
    limit.set(twice << 20)
    begun = len(agent.log)
    template = TEMPLATE.replace("TRANSPORT", "prefer_udp") + "another.test {\n    whoami\n}\n"
    agent.template.replace({"Corefile.base": template})
    agent.wait_log(f"The memory limit is {twice} MiB: {twice * 3 // 8} MiB are for cached answers", start=begun, within=10)
    agent.wait_log("Reloading complete", start=begun, within=10)
    assert agent.metrics().value("nodelocal_cache_budget_bytes") == (twice << 20) / 8 * 3


def test_the_flag_says_otherwise(start: Callable[..., Agent]) -> None:
    agent = start(**{"cache-budget": "8"})
    assert agent.metrics().value("nodelocal_cache_budget_bytes") == 8 << 20


def flooded(bed: Bed, agent: Agent, limit: MemoryLimit, window: int) -> Flood:
    """A million names while others ask for one that is known. What must hold in any case is judged here."""
    assert bed.pod2.ask(HIT).answer
    with Load(bed.pod2, V4.local, [HIT], rate=50) as hits:
        flood = Flood(bed.pod1, V4.local, "example.net", NAMES, within=TIME, window=window).run()
    assert limit.kills == 0
    assert flood.sent >= NAMES // 20
    assert flood.codes.total() > flood.sent * 0.9
    # The flood fills the sockets' buffers, and what does not fit there nobody has read.
    assert len(hits.lost) <= hits.sent // 20, hits.lost[:5]
    metrics = agent.metrics()
    assert metrics.value("nodelocal_cache_bytes") <= metrics.value("nodelocal_cache_budget_bytes")
    return flood


def test_a_million_names_and_a_dead_upstream(
    bed: Bed, start: Callable[..., Agent], limit: MemoryLimit, silent: None, tell: Callable[..., None]
) -> None:
    agent = start()
    # More than may wait at once.
    flood = flooded(bed, agent, limit, window=16_384)
    tell(agent, f"{flood.sent} names, upstream silent")
    assert set(flood.codes) == {dns.rcode.SERVFAIL}


def test_a_million_names_and_their_answers(
    bed: Bed, start: Callable[..., Agent], limit: MemoryLimit, knowing: None, tell: Callable[..., None]
) -> None:
    agent = start()
    flood = flooded(bed, agent, limit, window=2_048)
    tell(agent, f"{flood.sent} names, {agent.metrics().value('nodelocal_cache_bytes') / 2**20:.0f} MiB of answers kept")
    assert set(flood.codes) <= {dns.rcode.NOERROR, dns.rcode.SERVFAIL}
    assert flood.codes[dns.rcode.NOERROR] > 0.9 * flood.codes.total()
