"""The load: one bounded run on the load's cores, and what came of it. dnsperf asks as fast as answers come (closed
loop); `latency.c` asks at a fixed rate whatever comes (open loop); `burst.c` asks first and sleeps then."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .arena import FIRST, LOAD_CORE, PORT, Arena
from .errors import BenchError
from .processes import Server


@dataclass(frozen=True)
class LoadResult:
    """What came of it."""

    completed: int
    lost: int
    failed: int  # answered, but not with NOERROR
    seconds: float
    queries_per_second: float
    mean_latency_microseconds: float | None
    response_octets: int
    quantiles: dict[str, float] | None = None  # of latency, share -> microseconds; open loop only
    usual_p99: float | None = None  # the same: the median of every second's p99


@dataclass(frozen=True)
class Load:
    """dnsperf: what is asked, and how."""

    transport: str  # as dnsperf names it: udp, tcp
    queries: Path
    clients: int
    outstanding: int
    seconds: int
    once: bool = False  # ends, at the latest, with the last name of the file
    timeout: int = 2  # seconds until a question counts as lost

    def run(self, arena: Arena, server: Server, address: str) -> LoadResult:
        command = ["dnsperf", "-s", address, "-p", str(PORT), "-d", str(self.queries), *self._options()]
        return parse(_output(command, self.seconds, address))

    def shown(self) -> str:
        """The command as the document shows it."""
        return " ".join(["dnsperf", "-d", self.queries.name, *self._options()])

    def _options(self) -> list[str]:
        options = ["-m", self.transport, "-c", str(self.clients), "-T", "1"]
        options += ["-q", str(self.outstanding), "-l", str(self.seconds), "-t", str(self.timeout)]
        return options + (["-n", "1"] if self.once else [])


@dataclass(frozen=True)
class Steady:
    """`latency.c`: as many questions a second, whatever the server does, over as many sockets."""

    queries: Path
    rate: int
    seconds: int
    sockets: int

    def run(self, arena: Arena, server: Server, address: str) -> LoadResult:
        command = [str(arena.directory / "latency"), address, str(PORT), *self._options(str(self.queries))]
        (result,) = json.loads(_output(command, self.seconds, address))["streams"]
        return _heard(result, address, result["answered"] / result["seconds"])

    def shown(self) -> str:
        return " ".join(["latency ADDRESS", str(PORT), *self._options(self.queries.name)])

    def _options(self, queries: str) -> list[str]:
        patience = 1
        return [str(word) for word in (self.seconds, patience, queries, self.rate, self.sockets)]


@dataclass(frozen=True)
class Burst:
    """`burst.c`: so many questions wait in the server's buffers before it may run; then the load sleeps."""

    queries: Path
    questions: int
    sockets: int
    bursts: int

    def run(self, arena: Arena, server: Server, address: str) -> LoadResult:
        command = [str(arena.directory / "burst"), address, str(PORT), *self._options(str(self.queries))]
        result = json.loads(_output([*command, *map(str, server.pids())], self.bursts, address))
        return _heard(result, address, result["answersPerSecond"])

    def shown(self) -> str:
        return " ".join(["burst ADDRESS", str(PORT), *self._options(self.queries.name), "PID..."])

    def _options(self, queries: str) -> list[str]:
        return [str(word) for word in (queries, self.questions, self.sockets, self.bursts)]


def _heard(result: dict, address: str, queries_per_second: float) -> LoadResult:
    """What our own load programs tell."""
    if result["answered"] == 0:
        raise BenchError(f"{address} answered nothing: {result}")
    return LoadResult(
        completed=result["answered"],
        lost=result["sent"] - result["answered"],
        failed=result["failed"],
        seconds=result["seconds"],
        queries_per_second=queries_per_second,
        mean_latency_microseconds=result.get("meanMicroseconds"),
        response_octets=result["answerOctets"],
        quantiles=result.get("quantiles"),
        usual_p99=median(seconds) if (seconds := result.get("p99BySecond")) else None,
    )


def _output(command: list[str], seconds: int, address: str) -> str:
    name = Path(command[0]).name
    try:
        finished = subprocess.run(
            [*FIRST, "taskset", "--cpu-list", str(LOAD_CORE), *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds + 20,
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{name} against {address} did not end") from error
    if finished.returncode != 0:
        raise BenchError(f"{name} against {address} failed:\n{finished.stderr[-2000:]}")
    return finished.stdout


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
