"""What is measured: the questions that are put to the contestants, and how each is asked. `run.py` asks them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import names
from .arena import SERVER_CORE, TWO_SERVER_CORES, Arena
from .contestants import AGENT, DEFAULT_CAPACITY, DNSDIST, LARGE_CAPACITY, PEERS, REFLECTOR, UNBOUND, Setting
from .errors import BenchError
from .load import Burst, Load, Steady

# More than any server here forwards: no name is asked for twice.
NAMES_PER_SECOND = 120_000
# Slow enough that no server here falls behind.
STEADY_RATE = 10_000
# Axes that are looked at in their own way.
ENTRIES = "entries"
THREADS = "packet threads"
# Less than what a socket's buffer of 4 MiB holds (each datagram counts for 768 octets, and the kernel doubles what it
# is asked for), from so many sockets that the kernel deals them to two threads evenly.
BURST_QUESTIONS = 8_000
BURST_SOCKETS = 1_000
BURSTS_PER_SECOND = 7
# Enough to see what a socket costs, and less than the load can do with ten thousand of them.
SOCKETS_RATE = 20_000


@dataclass(frozen=True)
class Pace:
    """How often and how long. Warm-up and run together stay below the TTL of 30 s."""

    rounds: int
    warm_up_seconds: int
    seconds: int
    is_quick: bool = False


FULL = Pace(rounds=5, warm_up_seconds=2, seconds=10)
QUICK = Pace(rounds=1, warm_up_seconds=1, seconds=3, is_quick=True)


@dataclass(frozen=True)
class Loads:
    """The parts of a case, in their order; only `measured` counts. With the upstream stopped meanwhile, every
    answer is proven to come from the cache."""

    fill: Load
    warm_up: Load | Steady | None
    measured: Load | Steady | Burst
    upstream_stopped: bool = False


@dataclass(frozen=True)
class Growth:
    """Where a case stands in a row of cases that differ in one number only."""

    axis: str
    point: int


@dataclass(frozen=True)
class Case:
    """A question to all its contestants."""

    key: str
    title: str
    method: str
    contestants: tuple[str, ...]
    loads: Callable[[Arena, Pace], Loads]
    setting: Setting = Setting()
    cores: tuple[int, ...] = (SERVER_CORE,)
    growth: Growth | None = None
    too_long_for_quick: bool = False

    def held_threads(self) -> dict[str, int]:
        """With several cores, each of the agent's packet threads has one for itself."""
        if len(self.cores) == 1:
            return {}
        return {f"dns-udp-{index}": self.cores[index] for index in range(self.setting.threads)}


def _fill(queries: Path, seconds: int = 20) -> Load:
    """Every name once, slowly enough that none is lost."""
    return Load("udp", queries, clients=1, outstanding=50, seconds=seconds, once=True)


def _hits(
    transport: str,
    queries: Callable[[Arena], Path] = names.hot_names,
    fill_seconds: int = 20,
    clients: int = 20,
    outstanding: int = 200,
) -> Callable[[Arena, Pace], Loads]:
    def loads(arena: Arena, pace: Pace) -> Loads:
        file = queries(arena)

        def hits(seconds: int) -> Load:
            return Load(transport, file, clients, outstanding, seconds)

        return Loads(_fill(file, fill_seconds), hits(pace.warm_up_seconds), hits(pace.seconds), upstream_stopped=True)

    return loads


def _steady(rate: int, sockets: int) -> Callable[[Arena, Pace], Loads]:
    def loads(arena: Arena, pace: Pace) -> Loads:
        queries = names.hot_names(arena)

        def steady(seconds: int) -> Steady:
            return Steady(queries, rate, seconds, sockets)

        return Loads(_fill(queries), steady(pace.warm_up_seconds), steady(pace.seconds), upstream_stopped=True)

    return loads


def _bursts(arena: Arena, pace: Pace) -> Loads:
    queries = names.hot_names(arena)

    def bursts(seconds: int) -> Burst:
        return Burst(queries, BURST_QUESTIONS, BURST_SOCKETS, bursts=BURSTS_PER_SECOND * seconds)

    return Loads(_fill(queries), bursts(1), bursts(pace.seconds), upstream_stopped=True)


def _misses(outstanding: int) -> Callable[[Arena, Pace], Loads]:
    def loads(arena: Arena, pace: Pace) -> Loads:
        def misses(seconds: int, seed: int) -> Load:
            queries = names.random_names(arena, NAMES_PER_SECOND * seconds, seed)
            # Longer than the agent takes to give up: what is lost then is lost for good.
            return Load("udp", queries, 20, outstanding, seconds, once=True, timeout=6)

        return Loads(_fill(names.hot_names(arena)), misses(pace.warm_up_seconds, 1), misses(pace.seconds, 2))

    return loads


def _entries(arena: Arena, pace: Pace) -> Loads:
    queries = names.entry_names(arena)
    again = Load("udp", queries, clients=20, outstanding=100, seconds=10, once=True)
    return Loads(_fill(queries), None, again, upstream_stopped=True)


COMPARED = [
    Case(
        key="udp-hits",
        title="UDP, hits on 1 000 hot names",
        method="Every name is asked once, then all are repeated over 20 sockets, 200 outstanding. While this is "
        "measured the upstream is stopped (SIGSTOP): every answer comes from the cache.",
        contestants=(AGENT, *PEERS, REFLECTOR),
        loads=_hits("udp"),
    ),
    Case(
        key="tcp-hits",
        title="TCP, hits on 1 000 hot names",
        method="The same over 20 persistent connections, pipelined, 200 outstanding.",
        contestants=(AGENT, UNBOUND, DNSDIST),
        loads=_hits("tcp"),
    ),
    Case(
        key="misses",
        title="UDP, random names forwarded over TCP",
        method="Names that nobody has asked for, under a wildcard of the upstream; 20 sockets, 200 outstanding. "
        "The upstream's CPU is not counted. The other peers do not forward to the upstream over TCP.",
        contestants=(AGENT, UNBOUND),
        loads=_misses(outstanding=200),
    ),
    Case(
        key="misses-20000",
        title="The same, 20 000 outstanding",
        method="The same with 20 000 questions outstanding: is one of them lost, or answered with an error?",
        contestants=(AGENT,),
        loads=_misses(outstanding=20_000),
    ),
    Case(
        key="memory",
        title="Memory with 20 000 answers cached",
        method=f"The agent's `success` capacity is {LARGE_CAPACITY} in this case. 20 000 names are asked once, then "
        "again while the upstream is stopped, so that every answer proves an entry.",
        contestants=(AGENT, *PEERS),
        loads=_entries,
        setting=Setting(cached_answers=LARGE_CAPACITY),
    ),
    Case(
        key="latency",
        title="Latency of hits at 10 000 queries/s",
        method="Open loop over 20 sockets: a question is due at its time whether or not the ones before were "
        "answered, and its latency counts from then (`Benchmarks/compare/latency.c`). A virtual machine stops for some "
        "milliseconds now and then, which is about one question in a hundred: the p99 of a usual second, the median "
        "of a run's seconds, is what the servers are compared by.",
        contestants=(AGENT, *PEERS, REFLECTOR),
        loads=_steady(STEADY_RATE, sockets=20),
    ),
]


def _growing_entries(count: int) -> Case:
    return Case(
        key=f"entries-{count}",
        title=_title(ENTRIES, count),
        method="UDP hits over as many names, all of them cached, asked in random order; closed loop.",
        contestants=(AGENT,),
        loads=_hits("udp", lambda arena: names.long_lived_names(arena, count), fill_seconds=240),
        # Room for what their hashes leave uneven, which is more where each of the cache's parts holds few.
        setting=Setting(
            cached_answers=max(2 * count, DEFAULT_CAPACITY),
            longest_seconds=3600,
            cache_mebibytes=1024 if count > 100_000 else 64,
        ),
        growth=Growth(ENTRIES, count),
        too_long_for_quick=count > 100_000,
    )


def _growing_sockets(count: int) -> Case:
    return Case(
        key=f"sockets-{count}",
        title=_title("client sockets", count),
        method="UDP hits at a steady 20 000 queries/s over as many sockets (dnsperf has 256 at most); open "
        "loop, on the 1 000 hot names.",
        contestants=(AGENT,),
        loads=_steady(SOCKETS_RATE, count),
        growth=Growth("client sockets", count),
    )


def _growing_blocks(count: int) -> Case:
    return Case(
        key=f"blocks-{count}",
        title=_title("server blocks", count),
        method="UDP hits on the 1 000 hot names with as many server blocks; closed loop.",
        contestants=(AGENT,),
        loads=_hits("udp"),
        setting=Setting(server_blocks=count),
        growth=Growth("server blocks", count),
    )


def _growing_threads(count: int) -> Case:
    return Case(
        key=f"threads-{count}",
        title=_title(THREADS, count),
        method=f"UDP hits on the 1 000 hot names; the agent has the cores {_listed(TWO_SERVER_CORES)}. It is stopped "
        f"while {BURST_QUESTIONS} questions from {BURST_SOCKETS} sockets are put into its buffers, and answers them "
        "while the load sleeps (`Benchmarks/compare/burst.c`). Each packet thread is held to a core of its own: a stopped "
        "process goes on where it was stopped, and two threads on one core are parted only by the next tick of 4 ms, "
        "a third of a burst. Queries per second, from the first answer's arrival to "
        "the last one's, are those of the median burst.",
        contestants=(AGENT,),
        loads=_bursts,
        setting=Setting(threads=count),
        cores=TWO_SERVER_CORES,
        growth=Growth(THREADS, count),
    )


def _title(axis: str, count: int) -> str:
    return f"{axis}: {count:,}".replace(",", " ")


def _listed(cores: tuple[int, ...]) -> str:
    return " and ".join(map(str, cores))


CASES = [
    *COMPARED,
    *(_growing_entries(count) for count in (1_000, 10_000, 100_000, 1_000_000)),
    *(_growing_sockets(count) for count in (1, 100, 10_000)),
    *(_growing_blocks(count) for count in (1, 10, 200)),
    *(_growing_threads(count) for count in (1, 2)),
]


def choose(keys: list[str], pace: Pace) -> list[Case]:
    known = {case.key: case for case in CASES}
    unknown = [key for key in keys if key not in known]
    if unknown:
        raise BenchError(f"no case {unknown[0]!r}: there are {', '.join(known)}")
    if keys:
        return [known[key] for key in keys]
    return [case for case in CASES if not (pace.is_quick and case.too_long_for_quick)]
