"""One run: a contestant started afresh, brought into the state of a case, measured, stopped."""

import re
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace

from . import names
from .arena import SERVER_CORE, Arena
from .cases import Case, Pace
from .contestants import AGENT, BUILDERS, WORKER_METRICS, Contestant, Setting
from .errors import BenchError
from .load import Burst, Load, LoadResult, Steady
from .probe import ensure_free, wait_for_answer
from .processes import ProcessMemory, Server, core_busy_seconds


@dataclass(frozen=True)
class Sample:
    """One run of one contestant."""

    start_milliseconds: float  # from starting the process to its first answer
    cpu_seconds: float
    foreign_core_share: float  # of the server's core, taken by others than the server
    load: LoadResult
    memory: list[ProcessMemory]
    entry_octets: float | None = None  # the agent's own count of cache memory, by the entry

    @property
    def cpu_microseconds(self) -> float:
        """CPU per query."""
        return self.cpu_seconds * 1e6 / self.load.completed

    @property
    def core_share(self) -> float:
        return self.cpu_seconds / self.load.seconds


def take_sample(case: Case, name: str, arena: Arena, pace: Pace, upstream: Server, answer_octets: int) -> Sample:
    setting = replace(case.setting, answer_octets=answer_octets)
    loads = case.loads(arena, pace)
    with _running(BUILDERS[name](arena, setting), arena, case.cores) as (server, address, started):
        server.hold_threads(case.held_threads())
        loads.fill.run(arena, server, address)
        if loads.warm_up is not None:
            loads.warm_up.run(arena, server, address)
        with upstream.paused() if loads.upstream_stopped else nullcontext():
            sample = _measure(server, loads.measured, arena, address, started, case.cores)
        if name == AGENT and case.key == "memory":
            return replace(sample, entry_octets=_octets_of_an_entry())
        return sample


def answer_size(arena: Arena) -> int:
    """Octets of the agent's answer to a hot name: what the reflector sends."""
    with _running(BUILDERS[AGENT](arena, Setting()), arena, (SERVER_CORE,)) as (server, address, _):
        return wait_for_answer(server, address, names.A_HOT_NAME)


@contextmanager
def _running(
    contestant: Contestant, arena: Arena, cores: tuple[int, ...]
) -> Iterator[tuple[Server, str, float]]:
    """The contestant as soon as it answers, the address that is loaded, and the milliseconds that took."""
    for address in contestant.addresses:
        ensure_free(address)
    with Server(contestant.name, contestant.command, cores, arena.log(contestant.name)) as server:
        wait_for_answer(server, contestant.addresses[0], names.A_HOT_NAME)
        started = (time.monotonic() - server.started) * 1000
        yield server, contestant.addresses[0], started


def _measure(
    server: Server, measured: Load | Steady | Burst, arena: Arena, address: str, started: float, cores: tuple[int, ...]
) -> Sample:
    began = time.monotonic()
    cpu, busy = server.cpu_seconds(), core_busy_seconds(SERVER_CORE)
    result = measured.run(arena, server, address)
    server.check_running()
    cpu, busy = server.cpu_seconds() - cpu, core_busy_seconds(SERVER_CORE) - busy
    took = time.monotonic() - began
    return Sample(
        start_milliseconds=started,
        cpu_seconds=cpu,
        # With two cores the one's time says nothing about the other's.
        foreign_core_share=max(0.0, busy - cpu) / took if len(cores) == 1 else 0.0,
        load=result,
        memory=server.memory(),
    )


def _octets_of_an_entry() -> float:
    """What the agent itself counts: memory of the caches over entries."""
    address, port = WORKER_METRICS
    with urllib.request.urlopen(f"http://{address}:{port}/metrics", timeout=5) as response:
        text = response.read().decode()

    def lines(name: str) -> list[str]:
        return [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]

    def total(some: list[str]) -> float:
        return sum(float(line.rpartition(" ")[2]) for line in some)

    # A cache that serves two addresses shows its entries once for each; its memory is counted once.
    counted = lines("coredns_cache_entries")
    servers = {re.search(r'server="([^"]*)"', line).group(1) for line in counted}
    entries = max((total([line for line in counted if f'"{server}"' in line]) for server in servers), default=0)
    if entries == 0:
        raise BenchError("the agent's metrics count no entry")
    return total(lines("nodelocal_cache_bytes")) / entries
