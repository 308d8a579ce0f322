"""The stage: the test bed's node and pod, two more nameservers behind the node, and a switch that silences them."""

import contextlib
import json
import math
import os
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from compare import programs
from compare.arena import NICENESS
from compare.upstream import ZONE
from testbed import Bed, kube_proxy
from testbed.addresses import V4

FIRST, SECOND = "10.244.1.4", "10.244.1.5"
SERVICE = V4.upstream
# Names that are gone from every cache a second after they came, and names that outlive every case: the shortest TTL
# of an answer counts, also that of the NS record behind it.
RECORDS = ZONE.replace("$TTL 30\n", "$TTL 3600\n") + "*.brief.svc    1 A  192.0.2.1\n"
LASTING_PARENT = "long.svc.cluster.local"
BRIEF_PARENT = "brief.svc.cluster.local"
MISSES = "+default.svc.cluster.local"

# Silence is what is left of a machine that is gone: nothing comes back, no RST, no ICMP. Counted is what was tried.
SILENCE = """
table ip trouble {
  set silent { type ipv4_addr; }
  counter tried { }
  chain arriving { type filter hook prerouting priority -400; ip daddr @silent counter name tried drop; }
  chain leaving { type filter hook output priority -400; ip saddr @silent drop; }
}
"""


@dataclass(frozen=True)
class Cores:
    """Where server and load run; without any they run where the kernel puts them."""

    server: tuple[int, ...] = ()
    load: tuple[int, ...] = ()


@dataclass(frozen=True)
class Stream:
    """Questions of one kind for `latency.c`."""

    queries: str
    rate: int
    sockets: int = 20


@dataclass(frozen=True)
class Heard:
    """What came of a stream. Latencies in seconds, from the moment a question was due."""

    sent: int
    answered: int
    failed: int  # answered, but not with an address
    seconds: float
    slowest: float
    quantiles: dict[str, float]  # by share
    usual_p99: float  # the median of every second's p99
    slower: dict[int, int]  # questions that took longer, by seconds
    start: float  # by time.monotonic()
    good_by_10_milliseconds: list[int]  # by arrival, from the start

    @property
    def lost(self) -> int:
        return self.sent - self.answered

    def first_good_after(self, moment: float) -> float | None:
        """Seconds from `moment` to the first address that arrived after it, to 10 ms."""
        begin = int((moment - self.start) * 100) + 1
        later = enumerate(self.good_by_10_milliseconds[begin:], begin)
        return next((self.start + (index + 1) / 100 - moment for index, good in later if good), None)


class Load:
    """A running `latency.c`; `finished` waits for its end."""

    def __init__(self, process: subprocess.Popen, seconds: float) -> None:
        self.process = process
        self.seconds = seconds
        self.started = time.monotonic()

    def at(self, seconds: float) -> float:
        """Waits until the load has run for so long; the moment by time.monotonic()."""
        time.sleep(max(0.0, self.started + seconds - time.monotonic()))
        return time.monotonic()

    def finished(self) -> list[Heard]:
        output, errors = self.process.communicate(timeout=3 * self.seconds + 30)
        if self.process.returncode != 0:
            raise AssertionError(f"the load failed: {errors}")
        result = json.loads(output)
        return [_heard(stream, result["start"]) for stream in result["streams"]]


def _heard(stream: dict, start: float) -> Heard:
    return Heard(
        sent=stream["sent"],
        answered=stream["answered"],
        failed=stream["failed"],
        seconds=stream["seconds"],
        slowest=stream["slowestMicroseconds"] / 1e6,
        quantiles={share: microseconds / 1e6 for share, microseconds in stream["quantiles"].items()},
        usual_p99=median(stream["p99BySecond"]) / 1e6 if stream["p99BySecond"] else math.nan,
        slower={int(seconds): count for seconds, count in stream["slowerThanSeconds"].items()},
        start=start,
        good_by_10_milliseconds=stream["goodBy10Milliseconds"],
    )


class Stage:
    """Use it with `with`, in a bed where no agent runs."""

    def __init__(self, bed: Bed, cores: Cores = Cores()) -> None:
        self.bed = bed
        self.cores = cores

    def __enter__(self) -> "Stage":
        with contextlib.ExitStack() as building:
            self.directory = self.bed.directory / "trouble"
            self.directory.mkdir(exist_ok=True)
            cluster = self.bed.cluster
            for address in (FIRST, SECOND):
                cluster.ip("address", "add", f"{address}/32", "dev", "lo")
                building.callback(cluster.ip, "address", "del", f"{address}/32", "dev", "lo")
            number = len(list(self.directory.iterdir()))
            upstream = self.bed.nameserver(
                f"trouble/nsd-{number}", cluster, [FIRST, SECOND], {"cluster.local": RECORDS}
            )
            building.callback(upstream.stop)
            pin(upstream.process.pid, self.cores.load)
            cluster.run("nft", "-f", "-", stdin=SILENCE)
            building.callback(cluster.run, "nft", "delete", "table", "ip", "trouble")
            building.callback(self.restore_service)
            self.latency = self.directory / "latency"
            if not self.latency.exists():
                programs.compiled("latency", self.directory)
            self.undo = building.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.undo.close()

    # The upstreams.

    def silence(self, *addresses: str) -> None:
        self.bed.cluster.run("nft", "add", "element", "ip", "trouble", "silent", _set(addresses))

    def unsilence(self) -> None:
        self.bed.cluster.run("nft", "flush", "set", "ip", "trouble", "silent")

    def packets_to_the_silent(self) -> int:
        """Datagrams, and segments of TCP, connection attempts included, that reached nobody so far."""
        listed = json.loads(self.bed.cluster.run("nft", "-j", "list", "counter", "ip", "trouble", "tried"))
        return next(item["counter"]["packets"] for item in listed["nftables"] if "counter" in item)

    def route_service(self, *endpoints: str) -> None:
        """kube-proxy has heard that these two are behind the Service from now on: its rules, and what it does to
        UDP flows towards others. Connections over TCP it leaves alone."""
        kube_proxy.install(self.bed.node, replace(V4, endpoints=endpoints), self.bed.kube_proxy)
        self.bed.node.run("conntrack", "-D", "-p", "udp", "--orig-dst", SERVICE, check=False)

    def restore_service(self) -> None:
        self.route_service(*V4.endpoints)

    # The load.

    def names(self, name: str, count: int, parent: str) -> str:
        """A query file with `count` names."""
        path = self.directory / f"{name}.queries"
        path.write_text("".join(f"{name}{index:05}.{parent} A\n" for index in range(count)))
        return str(path)

    def load(self, server: str, seconds: float, patience: float, *streams: Stream) -> Load:
        """Starts asking, from the first pod."""
        words = [self.latency, server, 53, seconds, patience]
        for stream in streams:
            words += [stream.queries, stream.rate, stream.sockets]
        process = self.bed.pods[0].start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        pin(process.pid, self.cores.load)
        return Load(process, seconds + patience)

    def fill(self, server: str, queries: str, count: int) -> None:
        """Asks every name until all have answered: they are cached from now on."""
        for _ in range(20):
            (heard,) = self.load(server, count / 2000, 2, Stream(queries, 2000)).finished()
            if heard.answered - heard.failed == count:
                return
        raise AssertionError(f"the cache cannot be filled: {heard}")


def pin(pid: int, cores: tuple[int, ...]) -> None:
    """Gives a process its cores and the best priority; its threads and children too, those of the future included."""
    if not cores:
        return
    for path in Path("/proc").glob(f"{pid}/task/*"):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(path.name), cores)
            os.setpriority(os.PRIO_PROCESS, int(path.name), NICENESS)
        for child in (path / "children").read_text().split():
            pin(int(child), cores)


def _set(addresses: tuple[str, ...]) -> str:
    return f"{{ {', '.join(addresses)} }}"
