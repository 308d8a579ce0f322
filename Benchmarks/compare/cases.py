"""What is measured: each case starts a contestant afresh, brings it into its state, and takes one sample."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from . import load, names
from .arena import SERVER_CORE, Arena
from .contestants import AGENT, BUILDERS, LARGE_CAPACITY, REFLECTOR, UNBOUND, Contestant, Setting
from .errors import BenchError
from .load import Load, LoadResult
from .probe import ensure_free, wait_for_answer
from .processes import ProcessMemory, Server, core_busy_seconds

# More than any server here forwards: no name is asked for twice.
NAMES_PER_SECOND = 120_000


@dataclass(frozen=True)
class Pace:
    """How often and how long. Warm-up and run together stay below the TTL of 30 s."""

    rounds: int
    warm_up_seconds: int
    seconds: int


FULL = Pace(rounds=5, warm_up_seconds=2, seconds=10)
QUICK = Pace(rounds=3, warm_up_seconds=1, seconds=3)


@dataclass(frozen=True)
class Loads:
    """The parts of a case, in their order; only `measured` counts. With the upstream stopped meanwhile, every
    answer is proven to come from the cache."""

    fill: Load
    warm_up: Load | None
    measured: Load
    upstream_stopped: bool = False


@dataclass(frozen=True)
class Sample:
    """One run of one contestant."""

    cpu_seconds: float
    foreign_core_share: float  # of the server's core, taken by others than the server
    load: LoadResult
    memory: list[ProcessMemory]

    @property
    def cpu_microseconds(self) -> float:
        """CPU per query."""
        return self.cpu_seconds * 1e6 / self.load.completed

    @property
    def core_share(self) -> float:
        return self.cpu_seconds / self.load.seconds


@dataclass(frozen=True)
class Case:
    """A question to all its contestants."""

    key: str
    title: str
    method: str
    contestants: tuple[str, ...]
    loads: Callable[[Arena, Pace], Loads]
    setting: Setting = Setting()


def take_sample(case: Case, name: str, arena: Arena, pace: Pace, upstream: Server, answer_octets: int) -> Sample:
    setting = replace(case.setting, answer_octets=answer_octets)
    loads = case.loads(arena, pace)
    with _running(BUILDERS[name](arena, setting), arena) as (server, address):
        load.run(loads.fill, address)
        if loads.warm_up is not None:
            load.run(loads.warm_up, address)
        with upstream.paused() if loads.upstream_stopped else nullcontext():
            return _measure(server, loads.measured, address)


def answer_size(arena: Arena) -> int:
    """Octets of the agent's answer to a hot name: what the reflector sends."""
    with _running(BUILDERS[AGENT](arena, Setting()), arena) as (server, address):
        return wait_for_answer(server, address, names.A_HOT_NAME)


@contextmanager
def _running(contestant: Contestant, arena: Arena) -> Iterator[tuple[Server, str]]:
    """The contestant on the server's core, as soon as it answers, and the address that is loaded."""
    for address in contestant.addresses:
        ensure_free(address)
    with Server(contestant.name, contestant.command, SERVER_CORE, arena.log(contestant.name)) as server:
        wait_for_answer(server, contestant.addresses[0], names.A_HOT_NAME)
        yield server, contestant.addresses[0]


def _measure(server: Server, measured: Load, address: str) -> Sample:
    began = time.monotonic()
    cpu, busy = server.cpu_seconds(), core_busy_seconds(SERVER_CORE)
    result = load.run(measured, address)
    server.check_running()
    cpu, busy = server.cpu_seconds() - cpu, core_busy_seconds(SERVER_CORE) - busy
    took = time.monotonic() - began
    return Sample(
        cpu_seconds=cpu,
        foreign_core_share=max(0.0, busy - cpu) / took,
        load=result,
        memory=server.memory(),
    )


def _fill(queries: Path) -> Load:
    """Every name once, slowly enough that none is lost."""
    return Load("udp", queries, clients=1, outstanding=50, seconds=20, once=True)


def _hits(transport: str) -> Callable[[Arena, Pace], Loads]:
    def loads(arena: Arena, pace: Pace) -> Loads:
        queries = names.hot_names(arena)

        def hits(seconds: int) -> Load:
            return Load(transport, queries, clients=20, outstanding=200, seconds=seconds)

        return Loads(_fill(queries), hits(pace.warm_up_seconds), hits(pace.seconds), upstream_stopped=True)

    return loads


def _misses(arena: Arena, pace: Pace) -> Loads:
    def misses(seconds: int, seed: int) -> Load:
        queries = names.random_names(arena, NAMES_PER_SECOND * seconds, seed)
        return Load("udp", queries, clients=20, outstanding=200, seconds=seconds, once=True)

    return Loads(_fill(names.hot_names(arena)), misses(pace.warm_up_seconds, 1), misses(pace.seconds, 2))


def _entries(arena: Arena, pace: Pace) -> Loads:
    queries = names.entry_names(arena)
    again = Load("udp", queries, clients=20, outstanding=100, seconds=10, once=True)
    return Loads(_fill(queries), None, again, upstream_stopped=True)


CASES = [
    Case(
        key="udp-hits",
        title="UDP, hits on 1 000 hot names",
        method="Every name is asked once, then all are repeated over 20 sockets, 200 outstanding. While this is "
        "measured the upstream is stopped (SIGSTOP): every answer comes from the cache.",
        contestants=(AGENT, UNBOUND, REFLECTOR),
        loads=_hits("udp"),
    ),
    Case(
        key="tcp-hits",
        title="TCP, hits on 1 000 hot names",
        method="The same over 20 persistent connections, pipelined, 200 outstanding.",
        contestants=(AGENT, UNBOUND),
        loads=_hits("tcp"),
    ),
    Case(
        key="misses",
        title="UDP, random names forwarded over TCP",
        method="Names that nobody has asked for, under a wildcard of the upstream; 20 sockets, 200 outstanding. "
        "The upstream's CPU is not counted.",
        contestants=(AGENT, UNBOUND),
        loads=_misses,
    ),
    Case(
        key="memory",
        title="Memory with 20 000 answers cached",
        method=f"The agent's `success` capacity is {LARGE_CAPACITY} in this case. 20 000 names are asked once, then "
        "again while the upstream is stopped, so that every answer proves an entry.",
        contestants=(AGENT, UNBOUND),
        loads=_entries,
        setting=Setting(cached_answers=LARGE_CAPACITY),
    ),
]


def choose(keys: list[str]) -> list[Case]:
    known = {case.key: case for case in CASES}
    unknown = [key for key in keys if key not in known]
    if unknown:
        raise BenchError(f"no case {unknown[0]!r}: there are {', '.join(known)}")
    return [known[key] for key in keys] if keys else CASES
