"""Who is looked at: the agent and Unbound, each as the node's cache on the node-local address."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from compare import peers
from compare.arena import FIRST
from testbed import Agent, eventually
from testbed.addresses import V4

from .stage import Stage, pin

AGENT = "node-local-dns"
UNBOUND = "unbound"
ADDRESS = V4.local


@dataclass(frozen=True)
class Forwarding:
    """Where questions go: `servers` in the order of the file."""

    servers: tuple[str, ...]
    over_tcp: bool
    serves_stale: bool = False


def corefile(forwarding: Forwarding) -> str:
    """The agent's configuration."""
    stale = "\n        serve_stale 1h verify" if forwarding.serves_stale else ""
    transport = " {\n        force_tcp\n    }" if forwarding.over_tcp else ""
    return f"""\
.:53 {{
    errors
    cache {{
        success 40000 3600 1
        denial 9984 5{stale}
    }}
    bind {ADDRESS}
    forward . {" ".join(forwarding.servers)}{transport}
    prometheus :9253
    health {ADDRESS}:8080
}}
"""


def unbound_configuration(forwarding: Forwarding) -> str:
    """Unbound's, with the settings that its manual and RFC 8767 recommend for stale answers."""
    lines = [f"  forward-addr: {server}" for server in forwarding.servers]
    lines += ["  forward-tcp-upstream: yes"] if forwarding.over_tcp else []
    server = "  access-control: 0.0.0.0/0 allow\n"
    stale = "  serve-expired: yes\n  serve-expired-ttl: 86400\n  serve-expired-client-timeout: 1800\n"
    return peers.unbound_configuration(
        (ADDRESS,), 53, "\n".join(lines) + "\n", server + (stale if forwarding.serves_stale else "")
    )


class Server:
    """A running contestant."""

    def __init__(self, name: str, pid: int) -> None:
        self.name = name
        self.pid = pid

    def memory(self) -> float:
        """Resident, of all its processes, in MiB. What `peak_memory` tells counts from here."""
        for pid in _family(self.pid):
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): the high-water mark is what is resident now
        return self._sum("VmRSS")

    def peak_memory(self) -> float:
        """The most of every process since `memory`, in MiB: by the kernel's own mark, since whoever looked now and
        then would take the core from those that are measured."""
        return self._sum("VmHWM")

    def _sum(self, key: str) -> float:
        return sum(_status(pid, key) for pid in _family(self.pid)) / 1024


@contextlib.contextmanager
def running(name: str, stage: Stage, forwarding: Forwarding, binary: Path) -> Iterator[Server]:
    """The contestant as soon as it answers; stopped behind."""
    started = _agent if name == AGENT else _unbound
    with started(stage, forwarding, binary) as pid:
        yield Server(name, pid)


@contextlib.contextmanager
def _agent(stage: Stage, forwarding: Forwarding, binary: Path) -> Iterator[int]:
    cores = ",".join(map(str, stage.cores.server))
    pinned = (*FIRST, "taskset", "--cpu-list", cores) if cores else ()
    # The packet threads that the benchmark's other cases have: one for one core.
    flags = {"threads": str(len(stage.cores.server))} if cores else {}
    with Agent(
        stage.bed, binary, addresses=(ADDRESS,), template=corefile(forwarding), wrapper=pinned, flags=flags
    ) as agent:
        assert agent.process is not None
        yield agent.process.pid


@contextlib.contextmanager
def _unbound(stage: Stage, forwarding: Forwarding, binary: Path) -> Iterator[int]:
    node = stage.bed.node
    path = stage.directory / "unbound.conf"
    path.write_text(unbound_configuration(forwarding))
    # The agent's, which outlives it, would send the pod's questions past Unbound.
    for table in stage.bed.fallback():
        node.run("nft", "delete", "table", *table.split())
    node.ip("address", "add", f"{ADDRESS}/32", "dev", "lo")
    try:
        with open(stage.directory / "unbound.log", "w") as log:
            process = node.start("unbound", "-d", "-c", path, stdout=log, stderr=subprocess.STDOUT)
        pin(process.pid, stage.cores.server)
        try:
            eventually(
                lambda: stage.bed.host.ask("cluster.local", "SOA", ADDRESS, timeout=0.5),
                within=10,
                what="unbound answers",
            )
            yield process.pid
        finally:
            process.terminate()
            process.wait(10)
    finally:
        node.ip("address", "del", f"{ADDRESS}/32", "dev", "lo")


def _family(pid: int) -> list[int]:
    found = [pid]
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [one for child in path.read_text().split() for one in _family(int(child))]
    return found


def _status(pid: int, key: str) -> int:
    """In KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))
