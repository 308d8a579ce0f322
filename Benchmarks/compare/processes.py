"""Servers as processes: started on one core, measured through /proc, ended by their own pid."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from .arena import FIRST
from .errors import BenchError

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class ProcessMemory:
    """What one process holds in RAM, in KiB. `pss` counts a page shared by n processes as 1/n."""

    rss: int
    pss: int


class Server:
    """A running server: the process we started and every process below it."""

    def __init__(self, name: str, command: list[str], cores: tuple[int, ...], log: Path) -> None:
        self.name = name
        self.log = log
        # Whatever ends the benchmark, no server stays behind: the kernel tells it that we are gone.
        pinned = ["taskset", "--cpu-list", ",".join(map(str, cores))]
        wrapped = [*FIRST, *pinned, "setpriv", "--pdeathsig", "TERM", *command]
        self.started = time.monotonic()
        with log.open("wb") as output:
            self._process = subprocess.Popen(wrapped, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def __enter__(self) -> "Server":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        family = self.pids() if self._process.poll() is None else []
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # Children end with their parent, but not at the same moment; the next server needs their addresses.
        deadline = time.monotonic() + 5
        while any(Path(f"/proc/{pid}").exists() for pid in family):
            if time.monotonic() > deadline:
                raise BenchError(f"{self.name} is gone, but a process of its family {family} is not")
            time.sleep(0.01)

    def check_running(self) -> None:
        code = self._process.poll()
        if code is not None:
            raise BenchError(f"{self.name} ended with {code}:\n{self.log.read_text(errors='replace')[-2000:]}")

    def pids(self) -> list[int]:
        """Ours first, then its children and theirs."""
        found: list[int] = []
        waiting = [self._process.pid]
        while waiting:
            pid = waiting.pop(0)
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += [int(word) for word in task.read_text().split()]
        return found

    def hold_threads(self, cores_by_name: dict[str, int]) -> None:
        """Every thread of such a name to its core alone."""
        held = set()
        for pid in self.pids():
            for task in Path(f"/proc/{pid}/task").iterdir():
                # Runtimes end threads that have had nothing to do for a while.
                with suppress(FileNotFoundError, ProcessLookupError):
                    name = (task / "comm").read_text().strip()
                    if name in cores_by_name:
                        os.sched_setaffinity(int(task.name), {cores_by_name[name]})
                        held.add(name)
        if missing := cores_by_name.keys() - held:
            raise BenchError(f"{self.name} has no thread named {', '.join(sorted(missing))}")

    def cpu_seconds(self) -> float:
        """User and system time of all processes so far."""
        return sum(self._cpu_ticks(pid) for pid in self.pids()) / TICKS_PER_SECOND

    def memory(self) -> list[ProcessMemory]:
        """One for each process, in the order of `pids`."""
        return [self._memory(pid) for pid in self.pids()]

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Every process stopped (SIGSTOP): meanwhile the server answers nothing."""
        self._signal_all(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in self.pids():
            os.kill(pid, number)

    @staticmethod
    def _cpu_ticks(pid: int) -> int:
        # The name, in parentheses, may hold blanks: count fields behind it. utime and stime are fields 14 and 15.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    @staticmethod
    def _memory(pid: int) -> ProcessMemory:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        sizes = dict(re.findall(r"^(Rss|Pss):\s+(\d+) kB$", text, re.MULTILINE))
        return ProcessMemory(rss=int(sizes["Rss"]), pss=int(sizes["Pss"]))


def usable_cores() -> set[int]:
    return os.sched_getaffinity(0)


def core_busy_seconds(core: int) -> float:
    """Time that a core has spent on anything, with what the hypervisor took away (steal)."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *times = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _waiting, irq, softirq, steal = (int(time) for time in times[:8])
            return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND
    raise BenchError(f"/proc/stat does not know core {core}")
