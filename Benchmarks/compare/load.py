"""dnsperf: one bounded run on the load's core, and what it says about it."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .arena import LOAD_CORE, PORT
from .errors import BenchError


@dataclass(frozen=True)
class Load:
    """What is asked, and how."""

    transport: str  # as dnsperf names it: udp, tcp
    queries: Path
    clients: int
    outstanding: int
    seconds: int
    once: bool = False  # ends, at the latest, with the last name of the file

    def command(self, address: str) -> list[str]:
        return ["dnsperf", "-s", address, "-p", str(PORT), "-d", str(self.queries), *self._options()]

    def shown(self) -> str:
        """The command as the document shows it."""
        return " ".join(["dnsperf", "-d", self.queries.name, *self._options()])

    def _options(self) -> list[str]:
        options = ["-m", self.transport, "-c", str(self.clients), "-T", "1", "-q", str(self.outstanding)]
        options += ["-l", str(self.seconds), "-t", "2"]
        return options + (["-n", "1"] if self.once else [])


@dataclass(frozen=True)
class LoadResult:
    """What came of it."""

    completed: int
    lost: int
    failed: int  # answered, but not with NOERROR
    seconds: float
    queries_per_second: float
    mean_latency_microseconds: float
    response_octets: int


def run(load: Load, address: str) -> LoadResult:
    command = ["taskset", "--cpu-list", str(LOAD_CORE), *load.command(address)]
    try:
        finished = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=load.seconds + 20
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"dnsperf against {address} did not end") from error
    if finished.returncode != 0:
        raise BenchError(f"dnsperf against {address} failed:\n{finished.stderr[-2000:]}")
    return parse(finished.stdout)


def parse(output: str) -> LoadResult:
    """Reads the statistics at the end of dnsperf's output."""

    def number(pattern: str) -> float:
        match = re.search(pattern, output)
        if match is None:
            raise BenchError(f"dnsperf's output has no {pattern!r}:\n{output[-2000:]}")
        return float(match[1])

    completed = int(number(r"Queries completed:\s+(\d+)"))
    if completed == 0:
        raise BenchError(f"no query was answered:\n{output[-2000:]}")
    return LoadResult(
        completed=completed,
        lost=int(number(r"Queries lost:\s+(\d+)")),
        failed=completed - int(number(r"NOERROR (\d+)") if "NOERROR" in output else 0),
        seconds=number(r"Run time \(s\):\s+([\d.]+)"),
        queries_per_second=number(r"Queries per second:\s+([\d.]+)"),
        mean_latency_microseconds=number(r"Average Latency \(s\):\s+([\d.]+)") * 1e6,
        response_octets=int(number(r"response (\d+)")),
    )
