"""A hit over UDP allocates nothing; one over TCP next to nothing. `allocations.c` counts."""

import re
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testbed import Agent, Bed
from testbed.addresses import V4

SOURCE = Path(__file__).with_name("allocations.c")
SLOT = struct.Struct("=qQ")  # of allocations.c: thread, count
NAMES = 100
HITS = 100_000
# NIO allocates for what it reads and writes, by the batch: with one question at a time that is the most.
MOST_BY_HIT_OVER_TCP = 3


class Counted:
    """An agent whose worker's allocations are counted by thread."""

    def __init__(self, agent: Agent, prefix: Path) -> None:
        self.agent = agent
        (self.worker,) = agent.children()
        self.file = prefix.with_name(f"{prefix.name}.{self.worker}")

    def by_thread(self) -> dict[str, int]:
        """Allocations so far, by the thread's name; those of threads that have ended are under "ended"."""
        found: dict[str, int] = {}
        for thread, count in SLOT.iter_unpack(self.file.read_bytes()):
            if thread != 0:
                name = self.name(thread)
                found[name] = found.get(name, 0) + count
        return found

    def names(self) -> list[str]:
        """The names of all threads, also of those that have never allocated."""
        tasks = Path(f"/proc/{self.worker}/task").iterdir()
        return [self.name(int(task.name)) for task in tasks]

    def name(self, thread: int) -> str:
        try:
            return Path(f"/proc/{self.worker}/task/{thread}/comm").read_text().strip()
        except OSError:
            return "ended"


@pytest.fixture(scope="module")
def counted(bed: Bed, binary: Path) -> Iterator[Counted]:
    directory = bed.directory / "allocations"
    directory.mkdir()
    directory.chmod(0o777)  # the worker is not root when it opens its file
    library, prefix = directory / "allocations.so", directory / "count"
    options = ["-O2", "-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["gcc", *options, "-o", library, SOURCE], check=True)
    wrapper = ("env", f"LD_PRELOAD={library}", f"ALLOCATIONS={prefix}")
    with Agent(bed, binary, wrapper=wrapper, flags={"threads": "1"}, name="counted") as agent:
        counted = Counted(agent, prefix)
        assert sum(counted.by_thread().values()) > 0, "nothing is counted, so zero would say nothing"
        yield counted


@pytest.fixture
def ask(bed: Bed) -> Callable[..., int]:
    """Asks for the same names again and again with dnsperf; returns how many questions were answered."""
    queries = bed.directory / "hits"
    queries.write_text("".join(f"load-{number}.shop.svc.cluster.local A\n" for number in range(NAMES)))

    def run(runs: int, transport: str, *options: str) -> int:
        command = ["dnsperf", "-s", V4.local, "-d", queries, "-n", runs, "-m", transport, "-c", 4, *options]
        said = bed.pods[0].run(*command, timeout=60)
        assert re.search(rf"Response codes:\s+NOERROR {runs * NAMES} ", said), said
        return runs * NAMES

    return run


def is_packet_thread(name: str) -> bool:
    return name.startswith("dns-udp-")


def packet_threads(counts: dict[str, int]) -> int:
    """What all threads that answer UDP have allocated together."""
    return sum(count for name, count in counts.items() if is_packet_thread(name))


@pytest.mark.parametrize("options", [(), ("-e",), ("-D",)], ids=["plain", "edns", "dnssec-ok"])
def test_a_hit_over_udp_allocates_nothing(
    counted: Counted, ask: Callable[..., int], options: tuple[str, ...]
) -> None:
    ask(2, "udp", *options)  # now they are cached, and every lazy thing has happened
    before = counted.by_thread()
    assert any(is_packet_thread(name) for name in counted.names())
    ask(HITS // NAMES, "udp", *options)
    after = counted.by_thread()
    assert packet_threads(after) - packet_threads(before) == 0, (before, after)


def test_a_hit_over_tcp_allocates_little(counted: Counted, ask: Callable[..., int], capsys) -> None:
    ask(2, "tcp")
    before = sum(counted.by_thread().values())
    hits = ask(HITS // NAMES, "tcp")
    by_hit = (sum(counted.by_thread().values()) - before) / hits
    with capsys.disabled():
        print(f"\n{by_hit:.3f} allocations by hit over TCP")
    assert by_hit < MOST_BY_HIT_OVER_TCP
